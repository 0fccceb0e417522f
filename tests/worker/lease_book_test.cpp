#include "core/worker/lease_book.hpp"

#include <doctest/doctest.h>

#include <random>

#include "support/fake_machine.hpp"

namespace coremachine::worker {
namespace {

using test::FakeMachine;
using Kind = RemoteOutcome::Kind;
using namespace std::chrono_literals;

/// A book, its time, and what it said to its machine.
struct World {
  explicit World(unsigned threads = 2, unsigned coroutines = 0)
      : book({.threads = threads, .coroutines = coroutines, .grace = 100ms, .lane_of = [](const std::string& type) {
                return type == "co" ? Lane::coroutine : Lane::thread;
              }}) {}

  LeaseBook book;
  LeaseBook::Time now{1h};
  std::map<FakeMachine::Key, std::vector<Kind>> told = {};

  void take(HandOut hand_out) {
    std::vector<HandOut> some;
    some.push_back(std::move(hand_out));
    book.take(std::move(some), now);
  }
  std::shared_ptr<Attempt> next(Lane lane = Lane::thread) { return book.next(lane, now); }
  bool complete(const std::shared_ptr<Attempt>& attempt, std::chrono::microseconds took = 1ms) {
    auto outcome = outcome_of(*attempt, Kind::completed);
    outcome.result = "1";
    outcome.took = took;
    return book.ended(*attempt, std::move(outcome), now);
  }
  /// Tells what is there; returns how many outcomes that were.
  std::size_t tell(const std::vector<LeaseNews>& news = {}) {
    std::size_t count = 0;
    while (const auto reports = book.reports()) {
      for (const auto& report : *reports) {
        for (const auto& outcome : report.outcomes) {
          told[{report.lease.value, outcome.index}].push_back(outcome.kind);
          ++count;
        }
      }
      book.reported(news, now);
    }
    return count;
  }
  void hear(std::uint64_t lease, LeaseState state) {
    const auto renewals = book.renewals();
    book.renewed(renewals, {{LeaseId{lease}, state}}, now, now);
  }
};

TEST_CASE("what was taken runs in its order, is told once, and then forgotten") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 3));
  std::vector<std::shared_ptr<Attempt>> attempts;
  while (auto attempt = world.next()) attempts.push_back(attempt);
  REQUIRE(attempts.size() == 3);
  for (std::size_t i = 0; i < attempts.size(); ++i) CHECK(attempts[i]->task().index == i);
  CHECK(world.book.running() == 3);
  CHECK_FALSE(world.book.report_due());
  for (const auto& attempt : attempts) CHECK(world.complete(attempt));
  CHECK(world.book.report_due() == world.now);
  CHECK(world.tell() == 3);
  CHECK(world.book.empty());
  CHECK_FALSE(world.book.report_due());
}

TEST_CASE("a hand-out that comes again is passed over, also when it is over") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 1));
  world.take(FakeMachine::hand_out(1, "a", 1));
  CHECK(world.book.waiting() == 1);
  world.complete(world.next());
  world.tell();
  world.take(FakeMachine::hand_out(1, "a", 1));
  CHECK(world.book.empty());
  world.take(FakeMachine::hand_out(2, "a", 0));
  CHECK(world.book.empty());
}

TEST_CASE("a report is the same until it is answered, whatever ends meanwhile") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 2));
  const auto first = world.next();
  const auto second = world.next();
  world.complete(first);
  const auto reports = world.book.reports();
  REQUIRE(reports);
  world.complete(second);
  CHECK(world.book.reports() == reports);
  CHECK(reports->front().outcomes.size() == 1);
  world.book.reported({{LeaseId{1}, LeaseState::held}}, world.now);
  CHECK(world.tell() == 1);
  CHECK(world.book.empty());
}

TEST_CASE("outcomes gather for a moment, unless nothing else is to come") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 2));
  const auto first = world.next();
  const auto second = world.next();
  world.complete(first);
  CHECK(world.book.report_due() == world.now + 50ms);
  world.complete(second);
  CHECK(world.book.report_due() == world.now);
}

TEST_CASE("what news of a lease mean") {
  struct Case {
    LeaseState state;
    std::vector<Kind> of_waiting;  ///< what is told of the two tasks that wait
    bool cancelled;                ///< the one that runs is told to end
    bool wanted;                   ///< its outcome is told
  };
  const std::vector<Case> cases{
      {LeaseState::held, {}, false, true},
      {LeaseState::recalled, {Kind::returned, Kind::returned}, false, true},
      {LeaseState::cancelled, {Kind::returned, Kind::returned}, true, true},
      {LeaseState::gone, {}, true, false},
  };
  for (const auto& expected : cases) {
    CAPTURE(std::string(to_string(expected.state)));
    World world(1);
    world.take(FakeMachine::hand_out(7, "a", 3));
    const auto runs = world.next();
    world.hear(7, expected.state);
    CHECK(world.tell() == expected.of_waiting.size());
    for (const auto& [key, kinds] : world.told) CHECK(kinds == std::vector<Kind>{Kind::returned});
    CHECK(runs->cancelled() == expected.cancelled);
    CHECK(world.book.take_cancelled().size() == (expected.cancelled ? 1 : 0));
    CHECK(world.book.running() == 1);
    CHECK(world.complete(runs) == expected.wanted);
    CHECK(world.book.running() == 0);
    CHECK(world.tell() == (expected.wanted ? 1 : 0));
    CHECK(world.book.empty() == (expected.state != LeaseState::held));
    CHECK(bool(world.next()) == (expected.state == LeaseState::held));
  }
}

TEST_CASE("of a lease that is gone nothing is told, not even what had ended") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 2));
  world.complete(world.next());
  world.hear(1, LeaseState::gone);
  CHECK(world.book.empty());
  CHECK_FALSE(world.book.report_due());
  CHECK(world.tell() == 0);
}

TEST_CASE("what runs alone goes first, and nothing beside it") {
  World world(4);
  world.take(FakeMachine::hand_out(1, "a", 2));
  const auto before = world.next();
  auto suspects = FakeMachine::hand_out(2, "a", 2);
  suspects.alone = true;
  world.take(std::move(suspects));
  CHECK(world.book.room(Lane::thread) == 0);
  CHECK_FALSE(world.next());
  world.complete(before);
  for (int i = 0; i < 2; ++i) {
    const auto alone = world.next();
    REQUIRE(alone);
    CHECK(alone->errand().alone);
    CHECK_FALSE(world.next());
    CHECK(world.book.room(Lane::thread) == 0);
    world.complete(alone);
  }
  const auto after = world.next();
  REQUIRE(after);
  CHECK(after->errand().lease.value == 1);
}

TEST_CASE("no more is wanted than can be run: what is long is not queued, what is short is") {
  World world(4);
  CHECK(world.book.room(Lane::thread) == 4);
  world.take(FakeMachine::hand_out(1, "a", 3));
  CHECK(world.book.room(Lane::thread) == 1);
  std::vector<std::shared_ptr<Attempt>> attempts;
  while (auto attempt = world.next()) attempts.push_back(attempt);
  SUBCASE("short") {
    for (const auto& attempt : attempts) world.complete(attempt, 1ms);
    CHECK(world.book.room(Lane::thread) == 4 + 4 * 100);
    world.take(FakeMachine::hand_out(2, "a", 300));
    CHECK(world.book.room(Lane::thread) == 0);  // not one at a time
    for (int i = 0; i < 150; ++i) world.complete(world.next(), 1ms);
    CHECK(world.book.room(Lane::thread) == 254);
  }
  SUBCASE("one ahead of each thread") {
    for (const auto& attempt : attempts) world.complete(attempt, 200ms);
    CHECK(world.book.room(Lane::thread) == 8);
  }
  SUBCASE("long") {
    for (const auto& attempt : attempts) world.complete(attempt, 10s);
    CHECK(world.book.room(Lane::thread) == 4);
  }
}

TEST_CASE("coroutines wait beside each other, and have room of their own") {
  World world(1, 10);
  CHECK(world.book.room(Lane::coroutine) == 10);
  world.take(FakeMachine::hand_out(1, "co", 6));
  CHECK(world.book.room(Lane::coroutine) == 0);
  CHECK(world.book.room(Lane::thread) == 1);
  CHECK_FALSE(world.next());
  std::vector<std::shared_ptr<Attempt>> attempts;
  while (auto attempt = world.next(Lane::coroutine)) attempts.push_back(attempt);
  CHECK(attempts.size() == 6);
  world.complete(attempts[0]);
  CHECK(world.book.room(Lane::coroutine) == 5);
}

TEST_CASE("who was out of touch for a term begins nothing until it has heard that it may") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 2));
  const auto runs = world.next();
  world.now += 30s;
  CHECK_FALSE(world.next());
  CHECK_FALSE(runs->cancelled());
  SUBCASE("it may") {
    world.hear(1, LeaseState::held);
    CHECK(world.next());
  }
  SUBCASE("it may not") {
    world.hear(1, LeaseState::gone);
    CHECK_FALSE(world.next());
    CHECK_FALSE(world.complete(runs));
  }
}

TEST_CASE("an attempt over its time is told to end, and given up after the grace") {
  World world(1);
  auto timed = FakeMachine::hand_out(1, "a", 2);
  timed.timeout = 1s;
  world.take(std::move(timed));
  const auto runs = world.next();
  CHECK(world.book.next_look(world.now) == world.now + 1s);
  world.now += 1s;
  world.book.cancel_overdue(world.now);
  CHECK(runs->cancelled());
  CHECK(world.book.take_cancelled().size() == 1);
  CHECK(world.book.give_up_overdue(world.now).empty());
  world.now += 100ms;
  const auto given_up = world.book.give_up_overdue(world.now);
  REQUIRE(given_up.size() == 1);
  CHECK(given_up.front() == runs);
  CHECK(world.book.running() == 0);
  const auto reports = world.book.reports();
  REQUIRE(reports);
  const auto& outcome = reports->front().outcomes.front();
  CHECK(outcome.kind == Kind::failed);
  CHECK(outcome.failure.type == "timeout");
  CHECK(outcome.failure.message ==
        "the attempt took longer than its timeout of 1000 ms, and its handler did not return");
  CHECK_FALSE(world.complete(runs));  // late
  CHECK(world.next());
}

TEST_CASE("an attempt that is silent for its heartbeat is given up at once") {
  World world(1);
  auto quiet = FakeMachine::hand_out(1, "a", 1);
  quiet.heartbeat = 5s;
  world.now = Clock::now();
  world.take(std::move(quiet));
  const auto runs = world.next();
  runs->beat({{"done", 3}});
  world.now = runs->last_beat() + 4s;
  CHECK(world.book.give_up_overdue(world.now).empty());
  world.now = runs->last_beat() + 5s;
  REQUIRE(world.book.give_up_overdue(world.now).size() == 1);
  const auto& outcome = world.book.reports()->front().outcomes.front();
  CHECK(outcome.failure.message == "the attempt was not heard of for its heartbeat of 5000 ms");
  CHECK(outcome.progress == R"({"done":3})");
}

TEST_CASE("progress is told with the next renewal, again if that was not heard, and once if it was") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 1));
  const auto runs = world.next();
  runs->beat({{"done", 1}});
  const auto first = world.book.renewals();
  REQUIRE(first.size() == 1);
  REQUIRE(first[0].progress.size() == 1);
  CHECK(first[0].progress[0].progress == R"({"done":1})");
  world.book.not_renewed(first);
  runs->beat({{"done", 2}});
  const auto second = world.book.renewals();
  REQUIRE(second[0].progress.size() == 1);
  CHECK(second[0].progress[0].progress == R"({"done":2})");
  world.book.renewed(second, {}, world.now, world.now);
  CHECK(world.book.renewals()[0].progress.empty());
}

TEST_CASE("a report that is refused is told lease by lease, and only the results at fault become failures") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 1));
  world.take(FakeMachine::hand_out(2, "a", 1));
  world.complete(world.next());
  world.complete(world.next());
  REQUIRE(world.book.reports()->size() == 2);
  CHECK_FALSE(world.book.refused("?"));
  auto reports = world.book.reports();
  REQUIRE(reports->size() == 1);
  CHECK(reports->front().lease.value == 1);
  CHECK(world.book.refused("it is too deep") == LeaseId{1});
  reports = world.book.reports();
  REQUIRE(reports);
  const auto& failure = reports->front().outcomes.front();
  CHECK(failure.kind == Kind::failed);
  CHECK(failure.failure.message == "the machine does not take the result: it is too deep");
  CHECK(failure.failure.kind == TaskFailure::Kind::permanent);
  SUBCASE("the failure is taken") {
    CHECK(world.tell() == 2);
  }
  SUBCASE("that is refused, too: it is dropped") {
    CHECK(world.book.refused("no") == LeaseId{1});
    CHECK(world.tell() == 1);
  }
  CHECK(world.told.contains({2, 0}));
  CHECK(world.book.empty());
}

TEST_CASE("closing: what has not begun goes back, and so does what comes later") {
  World world(1);
  world.take(FakeMachine::hand_out(1, "a", 3));
  const auto runs = world.next();
  world.book.close(world.now);
  CHECK(world.book.room(Lane::thread) == 0);
  CHECK(world.tell() == 2);
  world.take(FakeMachine::hand_out(2, "a", 2));
  CHECK(world.tell() == 2);
  CHECK_FALSE(world.next());
  SUBCASE("what runs completes") {
    world.complete(runs);
    CHECK(world.tell() == 1);
    CHECK(world.told[{1, 0}] == std::vector{Kind::completed});
  }
  SUBCASE("what runs is told to end, and then its failure is none") {
    world.book.cancel_all();
    CHECK(runs->cancelled());
    world.book.ended(*runs, failed(*runs, {.message = "I was told to end"}), world.now);
    CHECK(world.tell() == 1);
    CHECK(world.told[{1, 0}] == std::vector{Kind::returned});
  }
  CHECK(world.book.empty());
}

TEST_CASE("large batches are told in pieces") {
  World world;
  world.take(FakeMachine::hand_out(1, "a", 5));
  for (int i = 0; i < 5; ++i) {
    const auto attempt = world.next();
    auto outcome = outcome_of(*attempt, Kind::completed);
    outcome.result = std::string(600'000, '1');
    world.book.ended(*attempt, std::move(outcome), world.now);
  }
  std::size_t calls = 0;
  std::size_t count = 0;
  while (const auto reports = world.book.reports()) {
    ++calls;
    std::size_t bytes = 0;
    for (const auto& report : *reports) {
      count += report.outcomes.size();
      for (const auto& outcome : report.outcomes) bytes += outcome.result.size();
    }
    CHECK(bytes <= (1U << 20U) + 600'000);
    world.book.reported({}, world.now);
  }
  CHECK(calls == 3);
  CHECK(count == 5);
}

/// Whatever happens in whatever order, each task whose lease is not gone is told of once, and in the end nothing is
/// left.
TEST_CASE("random days of a worker") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
    World world(1 + below(4), below(2) * 8);
    std::map<std::uint64_t, std::size_t> taken;
    std::set<std::uint64_t> gone;
    std::vector<std::shared_ptr<Attempt>> running;
    std::uint64_t last = 0;
    const auto step = [&] {
      world.now += Milliseconds{below(20)};
      switch (below(9)) {
        case 0: {
          const bool again = last > 0 && below(5) == 0;
          const auto lease = again ? 1 + below(static_cast<unsigned>(last)) : ++last;
          const auto tasks = 1 + below(6);
          auto hand_out = FakeMachine::hand_out(lease, below(4) == 0 ? "co" : "a", tasks);
          hand_out.alone = below(10) == 0;
          if (below(4) == 0) hand_out.timeout = Milliseconds{50};
          if (!again) taken[lease] = tasks;
          world.take(std::move(hand_out));
          break;
        }
        case 1:
        case 2:
        case 3:
          if (auto attempt = world.next(below(3) == 0 ? Lane::coroutine : Lane::thread)) running.push_back(attempt);
          break;
        case 4:
        case 5:
          if (!running.empty()) {
            const auto at = below(static_cast<unsigned>(running.size()));
            world.complete(running[at]);
            running.erase(running.begin() + at);
          }
          break;
        case 6: world.tell(); break;
        case 7:
          if (last > 0) {
            const auto lease = 1 + below(static_cast<unsigned>(last));
            const auto state = static_cast<LeaseState>(below(4));
            if (state == LeaseState::gone) gone.insert(lease);
            world.hear(lease, state);
          }
          break;
        case 8: {
          world.book.cancel_overdue(world.now);
          world.book.give_up_overdue(world.now);
          break;
        }
      }
      CHECK(world.book.running() <= running.size());
    };
    for (int i = 0; i < 300; ++i) step();
    world.book.close(world.now);
    for (const auto& attempt : running) world.complete(attempt);
    world.tell();
    CHECK(world.book.empty());
    CHECK(world.book.running() == 0);
    CHECK(world.book.waiting() == 0);
    for (const auto& [lease, tasks] : taken) {
      for (TaskIndex i = 0; i < tasks; ++i) {
        const auto at = world.told.find({lease, i});
        const auto times = at == world.told.end() ? 0U : at->second.size();
        CHECK(times <= 1);
        if (!gone.contains(lease)) CHECK(times == 1);
      }
    }
  }
}

}  // namespace
}  // namespace coremachine::worker
