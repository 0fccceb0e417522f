#include "triggers/http/server/sockets.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace coremachine::http {
namespace {

/// Two sockets that are connected to each other.
std::pair<Socket, Socket> connected() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  return {Socket(ends[0]), Socket(ends[1])};
}

void send(const Socket& socket, std::string_view bytes) {
  REQUIRE(::send(socket.fd(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

TEST_SUITE("http: sockets") {
  TEST_CASE("what has become of a socket is told once, and what comes later again") {
    boost::asio::io_context context;
    Sockets sockets(context);
    auto [here, there] = connected();
    int me = 0;
    send(there, "before");
    sockets.watch(here.fd(), &me);
    const auto first = sockets.take();
    REQUIRE(first.size() == 1);
    CHECK(first[0].of == &me);
    CHECK(first[0].readable);
    CHECK(first[0].writable);
    CHECK_FALSE(first[0].ends);
    CHECK(sockets.take().empty());  // though nobody has read it
    send(there, "after");
    const auto second = sockets.take();
    REQUIRE(second.size() == 1);
    CHECK(second[0].readable);
  }

  TEST_CASE("an end that comes with the last bytes is told with them") {
    boost::asio::io_context context;
    Sockets sockets(context);
    auto [here, there] = connected();
    int me = 0;
    sockets.watch(here.fd(), &me);
    sockets.take();
    send(there, "the last");
    REQUIRE(::shutdown(there.fd(), SHUT_WR) == 0);
    const auto changes = sockets.take();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].readable);
    CHECK(changes[0].ends);
  }

  TEST_CASE("who was full is told that there is room again, and of a closed socket nothing") {
    boost::asio::io_context context;
    Sockets sockets(context);
    auto [here, there] = connected();
    auto [other, far] = connected();
    int me = 0, he = 0;
    sockets.watch(here.fd(), &me);
    sockets.watch(other.fd(), &he);
    const std::array<char, 65'536> bytes{};
    const Socket of_a_child(::dup(other.fd()));  // as a process has that was forked a moment ago
    while (::send(here.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
    sockets.take();
    CHECK(sockets.take().empty());
    send(far, "x");
    sockets.forget(other.fd());
    other.close();
    send(far, "y");
    std::array<char, 65'536> into;
    while (::recv(there.fd(), into.data(), into.size(), 0) > 0) {
    }
    const auto changes = sockets.take();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].of == &me);
    CHECK(changes[0].writable);
  }

  TEST_CASE("the loop is called when there are changes, however many, and not after the stop") {
    boost::asio::io_context context;
    Sockets sockets(context);
    auto [here, there] = connected();
    auto [other, far] = connected();
    int me = 0, he = 0, called = 0;
    sockets.watch(here.fd(), &me);
    sockets.watch(other.fd(), &he);
    sockets.async_wait([&] { ++called; });
    context.run();
    CHECK(called == 1);
    CHECK(sockets.take().size() == 2);
    context.restart();
    sockets.async_wait([&] { ++called; });
    context.poll();
    CHECK(called == 1);
    send(there, "x");
    context.run();
    CHECK(called == 2);
    sockets.take();
    context.restart();
    sockets.async_wait([&] { ++called; });
    sockets.stop();
    context.run();
    CHECK(called == 2);
    // As one does that was on its way when the others were stopped.
    context.restart();
    sockets.async_wait([&] { ++called; });
    send(there, "y");
    context.poll();
    CHECK(context.stopped());
    CHECK(called == 2);
  }
}

}  // namespace coremachine::http
