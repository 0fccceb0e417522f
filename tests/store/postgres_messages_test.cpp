#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "tests/store/postgres_fixture.hpp"
#include "tests/support/postgres/proxy.hpp"

// Messages between machines, when the way to PostgreSQL fails at any point of them: none is lost, and of one that comes
// twice the second comes after the first.

namespace coremachine {
namespace {

using namespace store_tests;
using support::PostgresProxy;
using support::PostgresServer;
using support::ProxyFault;

/// Takes part in a store, by way of a proxy.
struct Machine {
  Machine(const std::string& direct, const std::string& name) {
    store = open_postgres("postgres://postgres@" + proxy.address() + "/postgres?" + PostgresProxy::parameters() + "&" +
                          direct.substr(direct.find("schema=")) + "&server=" + name);
    incarnation = store->begin_incarnation();
    store->peers()->beat(Milliseconds{600'000});
  }
  PostgresProxy proxy{PostgresServer::shared().socket()};
  std::unique_ptr<Store> store;
  Incarnation incarnation = 0;
};

/// What a machine is told.
class Heard {
 public:
  void take(std::string message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  /// All that has come when this one has, or never comes; each message once.
  std::vector<std::string> until(const std::string& last) {
    constexpr std::chrono::minutes never{2};
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, never,
                      [&] { return std::find(messages_.begin(), messages_.end(), last) != messages_.end(); });
    std::vector<std::string> firsts;
    for (const auto& each : messages_) {
      if (std::find(firsts.begin(), firsts.end(), each) == firsts.end()) firsts.push_back(each);
    }
    return firsts;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
};

struct World {
  World() {
    to.store->peers()->listen([this](Incarnation sender, std::string message) {
      CHECK(sender == from.incarnation);
      heard.take(std::move(message));
    });
  }
  void send(const std::string& message) {
    sent.push_back(message);
    from.store->peers()->send(to.incarnation, message);
  }
  /// What was sent has come by then, each for the first time in its order.
  void check_heard() { REQUIRE(heard.until(sent.back()) == sent); }

  const std::string url = new_url();
  Machine from{url, "from"};
  Heard heard;
  Machine to{url, "to"};
  std::vector<std::string> sent;
};

TEST_SUITE("store: messages in PostgreSQL") {
  TEST_CASE("one that was sent as its connection was lost is sent again") {
    for (const auto way : {ProxyFault::Way::to_server, ProxyFault::Way::to_client}) {
      for (const auto what : {ProxyFault::What::cut_before, ProxyFault::What::cut_after}) {
        World world;
        world.send("first");
        bool happened = true;
        for (int message = 1; happened; ++message) {
          world.from.proxy.arm({way, what, message});
          world.send(std::to_string(message));
          happened = world.from.proxy.disarm();
          world.send(std::to_string(message) + " and one by a connection that is there");
        }
        CHECK(world.from.proxy.cuts() > 0);
        world.check_heard();
      }
    }
  }

  TEST_CASE("one that was read as the connection was lost is read again") {
    for (const auto way : {ProxyFault::Way::to_server, ProxyFault::Way::to_client}) {
      const auto what = way == ProxyFault::Way::to_server ? ProxyFault::What::cut_after : ProxyFault::What::cut_before;
      World world;
      world.send("first");
      world.check_heard();
      for (int message = 1; message <= 12; ++message) {
        world.to.proxy.arm({way, what, message});
        for (const auto* each : {"a", "b"}) world.send(each + std::to_string(message));
        world.check_heard();
        world.to.proxy.disarm();
      }
      CHECK(world.to.proxy.cuts() > 0);
      CHECK(world.heard.count() == world.sent.size());
      world.to.store->peers()->leave();
      CHECK(Psql(world.url).one("SELECT count(*) FROM message") == "0");
    }
  }
}

}  // namespace
}  // namespace coremachine
