// What a client may take of time and room. Limits are short here; nothing is measured, every test waits for what has to
// happen.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "tests/http/server/server_fixture.hpp"

using namespace coremachine;
using namespace coremachine::http;
using namespace coremachine::http::test;

namespace {

constexpr int small_buffer = 4'096;

ServerOptions with(std::chrono::milliseconds ServerLimits::*limit, std::chrono::milliseconds value) {
  ServerOptions options;
  options.limits.*limit = value;
  return options;
}

/// As many files may be open as are now, and one more.
class FewDescriptors {
 public:
  FewDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    const rlimit few{static_cast<rlim_t>(next) + 1, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("A head that does not come to its end is answered with 408") {
  TestServer server(with(&ServerLimits::head, 50ms));
  RawClient client(server.port());
  client.send("GET /now HTTP/1.1\r\nHost:");
  const auto answer = client.read_response();
  CHECK(answer.status == 408);
  CHECK(answer.body == "the head of the request did not come within 0.05 s\n");
  CHECK(answer.field("connection") == "close");
  CHECK(client.at_end());
  CHECK(server.server().stats().timed_out == 1);
}

TEST_CASE("So is that of a later request, after the answers before it") {
  TestServer server(with(&ServerLimits::head, 50ms));
  RawClient client(server.port());
  client.send(get("/now") + get("/later") + "GET /half");
  CHECK(client.read_response().status == 200);
  auto asked = server.asked.next();
  while (server.server().stats().timed_out == 0) std::this_thread::yield();
  asked.reply.send({200, {}, "later"});
  CHECK(client.read_response().body == "later");
  CHECK(client.read_response().status == 408);
  CHECK(client.at_end());
}

TEST_CASE("Bytes one at a time do not make the time longer") {
  auto options = with(&ServerLimits::head, 50ms);
  options.message.header = options.message.fields = SIZE_MAX / 2;
  TestServer server(options);
  RawClient client(server.port());
  client.send("GET /now HTTP/1.1\r\n");
  std::thread dripping([&] {
    while (server.server().stats().timed_out == 0) {
      if (!client.send("a: b\r\n")) return;
    }
  });
  const auto answer = client.read_response();
  dripping.join();
  CHECK(answer.status == 408);
}

TEST_CASE("A connection on which nothing comes is closed without a word") {
  TestServer fresh(with(&ServerLimits::head, 30ms));
  RawClient silent(fresh.port());
  CHECK(silent.at_end());

  TestServer server(with(&ServerLimits::idle, 30ms));
  RawClient client(server.port());
  client.send(get("/now"));
  CHECK(client.read_response().status == 200);
  CHECK(client.at_end());
}

TEST_CASE("Waiting for an answer has no limit") {
  auto options = with(&ServerLimits::idle, 10ms);
  options.limits.head = options.limits.body = options.limits.write = 10ms;
  TestServer server(options);
  RawClient waiting(server.port());
  waiting.send(get("/wait"));
  auto asked = server.asked.next();
  for (int i = 0; i < 3; ++i) {
    RawClient silent(server.port());
    CHECK(silent.at_end());
  }
  asked.reply.send({200, {}, "at last"});
  CHECK(waiting.read_response().body == "at last");
}

TEST_CASE("A body that does not come is answered with 408") {
  TestServer server(with(&ServerLimits::body, 50ms));
  RawClient client(server.port());
  client.send("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  const auto answer = client.read_response();
  CHECK(answer.status == 408);
  CHECK(answer.body == "the body did not come within 0.05 s\n");
  CHECK(client.at_end());
}

TEST_CASE("A body that comes fast enough has all the time that it needs") {
  auto options = with(&ServerLimits::body, 20ms);
  options.limits.slowest = 0;
  TestServer server(options);
  RawClient slow(server.port());
  slow.send("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
  // Another connection, whose head was late later, is over its limit before: time has passed.
  for (int i = 0; i < 3; ++i) {
    auto short_head = with(&ServerLimits::head, 20ms);
    TestServer clock(short_head);
    CHECK(RawClient(clock.port()).at_end());
  }
  slow.send("half");
  CHECK(slow.read_response().body == "POST /now halfhalf");
}

TEST_CASE("A refused request whose short body never comes is closed") {
  Application application;
  application.admit = [](const Request&) { return std::optional(Refusal{404, "nothing"}); };
  TestServer server(with(&ServerLimits::body, 30ms), application);
  RawClient client(server.port());
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  CHECK(client.read_response().status == 404);
  CHECK(client.at_end());
}

TEST_CASE("Who does not read its answer is cut off") {
  TestServer server(with(&ServerLimits::write, 50ms));
  RawClient client(server.port(), small_buffer);
  client.send(get("/large"));
  server.asked.next().reply.send({200, {}, std::string(64 << 20, 'x')});
  while (server.server().stats().cut_off == 0) std::this_thread::yield();
  CHECK(client.read_all().size() < 64u << 20);
  CHECK(client.was_reset());
}

TEST_CASE("Who does not read gets no more requests done") {
  ServerOptions options;
  options.limits.pipelined = 1'000;
  TestServer server(options);
  RawClient client(server.port(), small_buffer);
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += get("/" + std::to_string(i));
  client.send(bytes);
  auto first = server.asked.next();
  std::vector<Asked> others;
  while (server.server().stats().waiting < 100) std::this_thread::yield();
  for (int i = 1; i < 100; ++i) others.push_back(server.asked.next());
  first.reply.send({200, {}, std::string(8 << 20, 'x')});
  CHECK(client.read_head().status == 200);
  const auto after = get("/after");
  client.send(after);
  while (server.server().stats().bytes_in < bytes.size() + after.size()) std::this_thread::yield();
  CHECK(server.asked.empty());
  CHECK(client.read_exactly(8 << 20).size() == 8u << 20);
  for (auto& other : others) other.reply.send({200, {}, other.request.target});
  for (int i = 1; i < 100; ++i) CHECK(client.read_response().body == "/" + std::to_string(i));
  server.asked.next().reply.send({200, {}, "after"});
  CHECK(client.read_response().body == "after");
}

TEST_CASE("Beyond the most connections, 503; when one is gone, another is served") {
  ServerOptions options;
  options.limits.connections = 2;
  TestServer server(options);
  std::optional<RawClient> first(std::in_place, server.port());
  RawClient second(server.port());
  for (auto* client : {&*first, &second}) {
    client->send(get("/now"));
    CHECK(client->read_response().status == 200);
  }
  RawClient third(server.port());
  third.send(get("/now"));
  const auto refused = third.read_response();
  CHECK(refused.status == 503);
  CHECK(refused.field("retry-after") == "1");
  CHECK(refused.field("connection") == "close");
  CHECK(third.at_end());
  CHECK(server.server().stats().over_capacity == 1);
  third.close();
  first.reset();
  while (server.server().stats().connections > 1) std::this_thread::yield();
  RawClient fourth(server.port());
  fourth.send(get("/now"));
  CHECK(fourth.read_response().status == 200);
}

TEST_CASE("However many want to connect, the others are served, and they in the end") {
  ServerOptions options;
  options.limits.connections = 1;
  TestServer server(options);
  auto only = std::make_unique<RawClient>(server.port());
  only->send(get("/now"));
  CHECK(only->read_response().status == 200);
  // More than are taken to be told: the rest of them wait to be taken.
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(std::make_unique<RawClient>(server.port()));
  only->send(get("/now"));
  CHECK(only->read_response().status == 200);
  CHECK(server.server().stats().connections <= 65);
  for (auto& client : crowd) {
    client->send(get("/now"));
    CHECK(client->read_response().status == 503);
    client.reset();
  }
}

TEST_CASE("When the system has no descriptors left, clients wait until it has") {
  TestServer server;
  std::optional<FewDescriptors> few(std::in_place);
  RawClient client(server.port());
  client.send(get("/now"));
  while (!server.has_logged("connections cannot be taken: Too many open files")) std::this_thread::yield();
  CHECK(server.server().stats().accepted == 0);
  few.reset();
  CHECK(client.read_response().status == 200);
  const auto log = server.log();
  CHECK(std::count_if(log.begin(), log.end(), [](const auto& line) { return line.ends_with("open files"); }) == 1);
}

TEST_CASE("A limit of open files that is lower than the most connections is spoken of") {
  ServerOptions options;
  options.limits.connections = SIZE_MAX / 2;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  TestServer server(options);
  rlimit raised{};
  ::getrlimit(RLIMIT_NOFILE, &raised);
  CHECK(raised.rlim_cur == files.rlim_max);
  if (files.rlim_max != RLIM_INFINITY) {
    CHECK(server.has_logged("this process may have " + std::to_string(files.rlim_max) + " files open"));
  }
  ::setrlimit(RLIMIT_NOFILE, &files);
}
