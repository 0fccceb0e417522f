#include "core/runtime/peers_duty.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace coremachine;
using runtime::PeersDuty;

namespace {

/// Nobody else is there, and messages come when the test says so.
class FakePeers final : public Peers {
 public:
  Round beat(Milliseconds) override { return {}; }
  std::vector<JobId> take_over(const std::vector<JobKind>&, std::size_t) override { return {}; }
  std::optional<Suspect> take_suspect(const std::vector<JobKind>&) override { return {}; }
  void leave() override {}
  std::map<JobId, Incarnation> owners_elsewhere(const std::vector<JobId>&) const override { return {}; }
  void send(Incarnation, std::string_view) override {}
  void listen(std::function<void(Incarnation, std::string)> then) override { take = std::move(then); }

  std::function<void(Incarnation, std::string)> take;
};

using Messages = std::vector<std::pair<Incarnation, std::string>>;

struct World {
  World() { duty.start(); }
  void listen_as(Messages& heard) {
    duty.listen({[&](Incarnation from, const std::string& message) { heard.emplace_back(from, message); }, {}});
  }

  FakePeers peers;
  PeersDuty duty{{.peers = &peers,
                  .kinds = {},
                  .take_up = [](const std::vector<JobId>&, std::uint32_t) {},
                  .fenced = [](const Error&) {},
                  .is_first = [](bool) {},
                  .log = [](const std::string&) {}}};
};

}  // namespace

TEST_SUITE("runtime: peers") {
  TEST_CASE("messages that come before anybody listens are kept for who does") {
    World world;
    world.peers.take(2, "one");
    world.peers.take(3, "two");
    world.duty.listen({});
    world.peers.take(2, "three");
    Messages heard;
    world.listen_as(heard);
    world.peers.take(2, "four");
    CHECK(heard == Messages{{2, "one"}, {3, "two"}, {2, "three"}, {2, "four"}});
    world.duty.listen({});
    world.peers.take(2, "nobody is there any more");
    Messages later;
    world.listen_as(later);
    world.peers.take(2, "five");
    CHECK(later == Messages{{2, "five"}});
    CHECK(heard.size() == 4);
    world.duty.stop();
  }

  TEST_CASE("where nobody ever listens only so many are kept") {
    World world;
    for (std::size_t i = 0; i < PeersDuty::most_kept + 10; ++i) world.peers.take(2, std::to_string(i));
    Messages heard;
    world.listen_as(heard);
    CHECK(heard.size() == PeersDuty::most_kept);
    CHECK(heard.front().second == "0");
    CHECK(heard.back().second == std::to_string(PeersDuty::most_kept - 1));
    world.duty.stop();
  }
}
