// Bodies that nobody has whole.
#include <atomic>
#include <future>
#include <utility>

#include <doctest/doctest.h>

#include "tests/http/server/server_fixture.hpp"

using namespace coremachine::http;
using namespace coremachine::http::test;

namespace {

/// Has room for so many bytes at a time.
class Taker final : public BodyTaker {
 public:
  explicit Taker(std::size_t room) : room_(room) {}
  ~Taker() override {
    const std::scoped_lock lock(mutex_);
    if (on_gone) on_gone();
  }

  bool take(std::string piece) override {
    const std::scoped_lock lock(mutex_);
    taken_ += piece;
    held_ += piece.size();
    most_held_ = std::max(most_held_, held_);
    if (held_ <= room_) return true;
    full_.put(true);
    return false;
  }
  /// Makes room whenever it is full, until it need not any more.
  void make_room() {
    while (full_.next()) {
      {
        const std::scoped_lock lock(mutex_);
        held_ = 0;
      }
      resume();
    }
  }
  void need_no_more_room() { full_.put(false); }
  std::string taken() {
    const std::scoped_lock lock(mutex_);
    return taken_;
  }
  std::size_t most_held() {
    const std::scoped_lock lock(mutex_);
    return most_held_;
  }

  std::function<void()> on_gone = {};

 private:
  const std::size_t room_;
  std::mutex mutex_;
  std::string taken_ = {};
  std::size_t held_ = 0;
  std::size_t most_held_ = 0;
  Arrivals<bool> full_;
};

std::string pattern(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + ",";
  text.resize(size);
  return text;
}

std::string chunked(const std::string& body, std::size_t piece) {
  std::string text;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    const auto part = body.substr(at, piece);
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    text += size + part + "\r\n";
  }
  return text + "0\r\n\r\n";
}

struct World {
  explicit World(std::size_t room, std::uint64_t limit = std::uint64_t{1} << 30U)
      : taker(std::make_shared<Taker>(room)) {
    Application application;
    application.receive = [this](const Request& head) -> std::shared_ptr<BodyTaker> {
      if (head.target != "/take") return nullptr;
      return hands_over ? std::exchange(taker, nullptr) : taker;
    };
    application.body_limit = [limit](const Request&) { return limit; };
    server = std::make_unique<TestServer>(ServerOptions{}, std::move(application));
  }
  std::shared_ptr<Taker> taker;
  std::atomic<bool> hands_over{false};  ///< the server alone has it then
  std::unique_ptr<TestServer> server;
};

}  // namespace

TEST_CASE("a body goes to its taker, and the request has none") {
  for (const bool in_chunks : {false, true}) {
    CAPTURE(in_chunks);
    World world(SIZE_MAX);
    const auto body = pattern(300'000);
    RawClient client(world.server->port());
    client.send(in_chunks ? "POST /take HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                chunked(body, 10'000)
                          : post("/take", body));
    client.send(post("/now", "next"));
    auto asked = world.server->asked.next();
    CHECK(asked.request.body.empty());
    CHECK((asked.request.taker == world.taker));
    CHECK(world.taker->taken() == body);
    asked.reply.send({201, {}, "taken"});
    CHECK(client.read_response().body == "taken");
    CHECK(client.read_response().body == "POST /now next");
  }
}

TEST_CASE("a client waits while there is no room") {
  constexpr std::size_t room = 200'000;
  World world(room);
  const auto body = pattern(20'000'000);
  RawClient client(world.server->port());
  const auto sent = std::async(std::launch::async, [&] { client.send(post("/take", body)); });
  const auto made = std::async(std::launch::async, [&] { world.taker->make_room(); });
  const std::shared_ptr<void> over(nullptr, [&](void*) { world.taker->need_no_more_room(); });
  auto asked = world.server->asked.next();
  CHECK(world.taker->taken() == body);
  // One read more than there was room for, and what the reader had of it.
  CHECK(world.taker->most_held() <= room + 2 * 65'536);
  asked.reply.send({201, {}, "taken"});
  CHECK(client.read_response().status == 201);
}

TEST_CASE("a body that is longer than it may be, or never whole, is dropped with its taker") {
  SUBCASE("too long") {
    World world(SIZE_MAX, 1000);
    RawClient client(world.server->port());
    client.send("POST /take HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
                chunked(pattern(5000), 900));
    CHECK(client.read_response().status == 413);
    CHECK(world.server->asked.empty());
  }
  SUBCASE("the client goes away") {
    World world(SIZE_MAX);
    Arrivals<bool> gone;
    world.taker->on_gone = [&] { gone.put(true); };
    world.hands_over = true;
    {
      RawClient client(world.server->port());
      client.send("POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc");
    }
    CHECK(gone.next());
    CHECK(world.server->asked.empty());
  }
}
