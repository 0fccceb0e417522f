// What a server decides about its entries, without Redis: the time is a number.

#include "core/queue/redis/pump_book.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

namespace {

using namespace coremachine;
using namespace coremachine::redis;
using namespace std::chrono_literals;

struct World {
  PumpBook book;
  PumpBook::Time now{1h};
  std::vector<PumpAction> seen = {};
  std::uint64_t entries = 0;

  explicit World(PumpTimes times = {}) : book("me", times) {
    book.connected(now);
    act();
  }

  template <class Action>
  std::vector<Action> take() {
    std::vector<Action> found;
    auto rest = std::exchange(seen, {});
    for (auto& action : rest) {
      if (auto* wanted = std::get_if<Action>(&action)) {
        found.push_back(std::move(*wanted));
      } else {
        seen.push_back(std::move(action));
      }
    }
    return found;
  }
  void act() {
    for (auto& action : book.take_actions()) seen.push_back(std::move(action));
  }
  void pass(Milliseconds time) {
    now += time;
    book.tick(now);
    act();
  }
  static RemoteWorker worker(const std::string& name, std::uint32_t concurrency = 1,
                             std::vector<std::string> types = {"t"}) {
    return {.name = name, .kind = "redis", .concurrency = concurrency, .task_types = std::move(types)};
  }
  void workers(std::vector<RemoteWorker> all) {
    book.workers_are(std::move(all), now);
    act();
  }
  static HandOut hand_out(std::uint64_t lease, std::size_t tasks = 1) {
    HandOut out;
    out.lease = LeaseId{lease};
    out.job = JobId{7, lease};
    out.task_type = "t";
    out.term = Milliseconds{30'000};
    for (std::size_t i = 0; i < tasks; ++i) out.tasks.push_back({.index = i, .attempt = 2});
    return out;
  }
  /// The machine hands this out, and Redis takes it.
  std::string put(std::uint64_t lease, std::size_t tasks = 1) {
    book.handed_out(0, {hand_out(lease, tasks)}, now);
    act();
    auto id = std::to_string(++entries) + "-0";
    book.added(0, LeaseId{lease}, id);
    act();
    return id;
  }
  EntryRow row(std::uint64_t lease, std::string id, std::string reader = {}, std::string server = "me") const {
    return {std::move(id), LeaseId{lease}, JobId{7, lease}, std::move(server), std::move(reader)};
  }
  void look(const std::vector<EntryRow>& rows) {
    const auto looks = take<LookAt>();
    REQUIRE_FALSE(looks.empty());
    book.looked(0, looks.back().number, rows, now);
    act();
  }
  using Holders = std::map<std::string, std::vector<LeaseId>>;
  /// What the next tick tells the machine of who has what.
  Holders holders() {
    CHECK(take<NoteHolders>().empty());
    book.tick(now);
    act();
    const auto noted = take<NoteHolders>();
    CHECK(noted.size() <= 1);
    return noted.empty() ? Holders() : noted[0].leases;
  }
  void news(std::uint64_t lease, LeaseState state) {
    book.news({{LeaseId{lease}, state}}, now);
    act();
  }
};

std::vector<RemoteOutcome> outcomes(std::size_t count, RemoteOutcome::Kind kind, std::chrono::microseconds took) {
  RemoteOutcome outcome;
  outcome.kind = kind;
  outcome.took = took;
  return std::vector<RemoteOutcome>(count, outcome);
}

/// Of so many tasks that completed after so long each.
std::vector<RemoteOutcome> ran(std::size_t count, std::chrono::microseconds took) {
  return outcomes(count, RemoteOutcome::Kind::completed, took);
}

/// The attempts of these leases that went back.
std::size_t returned(const std::vector<TellMachine>& told) {
  std::size_t count = 0;
  for (const auto& each : told) {
    for (const auto& outcome : each.report.outcomes) {
      CHECK(outcome.kind == RemoteOutcome::Kind::returned);
      CHECK(outcome.attempt == 2);
      ++count;
    }
  }
  return count;
}

TEST_CASE_FIXTURE(World, "nobody is asked for tasks before a worker is there, then for what its threads can do") {
  CHECK(take<PollMachine>().empty());
  workers({worker("a", 2), worker("b", 3)});
  const auto polls = take<PollMachine>();
  REQUIRE(polls.size() == 1);
  CHECK(polls[0].most == 5);
  CHECK(polls[0].worker.many);
  CHECK(polls[0].worker.concurrency == 5);
  CHECK(polls[0].worker.task_types == std::vector<std::string>{"t"});
  CHECK(take<OpenStream>().size() == 1);
  CHECK(take<SeeWorker>().size() == 2);
}

TEST_CASE_FIXTURE(World, "types of another resolver are another stream") {
  auto other = worker("b");
  other.resolver_id = "etl";
  workers({worker("a"), other});
  const auto polls = take<PollMachine>();
  REQUIRE(polls.size() == 2);
  CHECK(polls[0].worker.resolver_id != polls[1].worker.resolver_id);
}

TEST_CASE_FIXTURE(World, "the stream holds about 200 ms of measured work for each thread, and always something") {
  workers({worker("a", 2)});
  take<PollMachine>();
  put(1);
  book.claimed("a", LeaseId{1}, now);
  book.heard("a", LeaseId{1}, ran(1, 1000us), now);  // a task takes 1 ms
  news(1, LeaseState::gone);
  auto polls = take<PollMachine>();
  REQUIRE_FALSE(polls.empty());
  book.handed_out(0, {}, now);
  act();
  polls = take<PollMachine>();
  REQUIRE(polls.size() == 1);
  CHECK(polls[0].most == 400);
  put(2, 390);
  CHECK(take<PollMachine>().empty());  // ten more are not worth asking for
  book.claimed("a", LeaseId{2}, now);
  act();
  polls = take<PollMachine>();
  REQUIRE(polls.size() == 1);
  CHECK(polls[0].most == 400);
}

TEST_CASE_FIXTURE(World, "long tasks are asked for as threads get free, and one ahead") {
  workers({worker("a", 2)});
  take<PollMachine>();
  put(1);
  book.heard("a", LeaseId{1}, ran(1, 10s), now);
  news(1, LeaseState::gone);
  take<PollMachine>();
  book.handed_out(0, {}, now);
  act();
  CHECK(take<PollMachine>().at(0).most == 2);
  book.handed_out(0, {hand_out(2), hand_out(3)}, now);
  act();
  CHECK(take<PollMachine>().empty());
  book.claimed("a", LeaseId{2}, now);
  book.claimed("a", LeaseId{3}, now);
  act();
  CHECK(take<PollMachine>().at(0).most == 1);
}

TEST_CASE("what a worker gives back unbegun says nothing of how long tasks take") {
  const auto given_back = outcomes(50, RemoteOutcome::Kind::returned, 0us);
  auto mixed = given_back;
  for (auto& each : ran(2, 10s)) mixed.push_back(each);
  // With a measure, and as the first that is heard.
  for (const auto& first : {ran(1, 10s), given_back}) {
    for (const auto& second : {given_back, mixed}) {
      World world;
      world.workers({World::worker("a", 2)});
      world.put(1, 52);
      world.put(2, 52);
      world.book.heard("a", LeaseId{1}, first, world.now);
      world.book.heard("a", LeaseId{2}, second, world.now);
      CHECK(world.book.counts().claimed == 104 - first.size() - second.size());
      world.news(1, LeaseState::gone);
      world.news(2, LeaseState::gone);
      world.take<PollMachine>();
      world.book.handed_out(0, {}, world.now);
      world.act();
      CHECK(world.take<PollMachine>().at(0).most == 2);
    }
  }
}

TEST_CASE_FIXTURE(World, "what waits is renewed from here, what a worker has is not") {
  workers({worker("a", 4)});
  put(1);
  put(2);
  book.claimed("a", LeaseId{2}, now);
  take<RenewLeases>();
  pass(11s);
  const auto renewed = take<RenewLeases>();
  REQUIRE(renewed.size() == 1);
  REQUIRE(renewed[0].leases.size() == 1);
  CHECK(renewed[0].leases[0].lease == LeaseId{1});
  // Of a worker that nobody hears of any more, the machine is asked once its term is over.
  pass(20s);
  take<RenewLeases>();
  pass(7s);
  bool asked = false;
  for (const auto& each : take<RenewLeases>()) {
    for (const auto& lease : each.leases) asked = asked || lease.lease == LeaseId{2};
  }
  CHECK(asked);
  news(2, LeaseState::gone);
  CHECK(take<RemoveEntry>().size() == 1);
}

TEST_CASE_FIXTURE(World, "an entry goes when its lease is gone, and not before") {
  workers({worker("a")});
  const auto id = put(1, 3);
  book.heard("a", LeaseId{1}, ran(1, 1ms), now);
  news(1, LeaseState::held);
  CHECK(take<RemoveEntry>().empty());
  book.heard("a", LeaseId{1}, ran(2, 1ms), now);
  news(1, LeaseState::gone);
  const auto removed = take<RemoveEntry>();
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].id == id);
  news(1, LeaseState::gone);
  CHECK(take<RemoveEntry>().empty());
  CHECK(book.counts().waiting == 0);
  CHECK(book.counts().claimed == 0);
}

TEST_CASE_FIXTURE(World, "an entry that Redis has forgotten goes back soon, unless somebody has it") {
  workers({worker("a", 4)});
  put(1, 5);
  put(2);
  put(3);
  take<LookAt>();
  book.redis_forgot(now);
  act();
  CHECK_FALSE(take<OpenStream>().empty());
  look({});
  CHECK(take<TellMachine>().empty());
  // One says that it has lease 2, one reports on lease 3.
  book.claimed("a", LeaseId{2}, now);
  book.heard("a", LeaseId{3}, ran(1, 1ms), now);
  pass(1001ms);
  const auto told = take<TellMachine>();
  CHECK(returned(told) == 5);
  REQUIRE(told.size() == 1);
  CHECK(told[0].report.lease == LeaseId{1});
  CHECK(book.counts().returned == 5);
}

TEST_CASE_FIXTURE(World, "what was put there after a look was made is not missed by it") {
  workers({worker("a", 4)});
  pass(10s);
  const auto looks = take<LookAt>();
  REQUIRE_FALSE(looks.empty());
  put(1);
  book.looked(0, looks.back().number, {}, now);
  pass(1500ms);
  pass(1500ms);
  CHECK(take<TellMachine>().empty());
}

TEST_CASE_FIXTURE(World, "a look tells who has what, and sweeps out what Redis has brought back") {
  workers({worker("a", 4)});
  const auto first = put(1);
  const auto second = put(2);
  take<LookAt>();
  pass(1100ms);
  look({row(1, first, "a"), row(2, second), row(9, "9-9"), row(2, "0-1")});
  CHECK(book.counts().claimed == 1);
  CHECK(book.counts().waiting == 1);
  std::set<std::string> removed;
  for (const auto& each : take<RemoveEntry>()) removed.insert(each.id);
  CHECK(removed == std::set<std::string>{"9-9", "0-1"});
}

struct PatientWorld : World {
  static PumpTimes times() {
    PumpTimes times;
    times.waits_at_most = 1h;
    return times;
  }
  PatientWorld() : World(times()) {}
};

TEST_CASE_FIXTURE(PatientWorld,
                  "a look is not whole unless something is lost, something is strange, or it is long ago") {
  workers({worker("a", 4)});
  const auto first = put(1);
  const auto second = put(2);
  take<LookAt>();
  pass(10s);
  look({row(1, first), row(2, second)});
  const auto next = [&](Milliseconds time) {
    pass(time);
    const auto looks = take<LookAt>();
    REQUIRE(looks.size() == 1);
    return looks[0];
  };
  const auto glance = [&](const LookAt& look, const Glance& found) {
    book.glanced(0, look.number, found, now);
    act();
  };
  auto at = next(1000ms);
  CHECK_FALSE(at.is_whole);
  glance(at, {2, {{second, "b"}}});
  CHECK(book.counts().claimed == 1);
  CHECK(holders() == Holders{{"b", {LeaseId{2}}}});

  // What may be there or not is neither lost nor strange.
  book.handed_out(0, {hand_out(3)}, now);
  act();
  for (const std::size_t length : {2, 3}) {
    at = next(1000ms);
    CHECK_FALSE(at.is_whole);
    glance(at, {length, {}});
  }

  book.added(0, LeaseId{3}, "3-0");
  at = next(1000ms);
  CHECK_FALSE(at.is_whole);
  book.looked(0, at.number - 1, {}, now);  // too late
  glance(at, {1, {}});                     // one is lost
  at = next(1ms);
  CHECK(at.is_whole);
  book.looked(0, at.number, {row(1, first), row(2, second, "b"), row(3, "3-0")}, now);
  act();
  at = next(1000ms);
  CHECK_FALSE(at.is_whole);
  glance(at, {9, {}});  // strange, and seen into now and then
  for (int i = 0; i < 3; ++i) {
    at = next(1000ms);
    CHECK_FALSE(at.is_whole);
    glance(at, {9, {}});
  }
  CHECK(next(1000ms).is_whole);
}

TEST_CASE_FIXTURE(World,
                  "who has what the machine is told at a tick, once, and not of leases that are over or renewed") {
  workers({worker("a", 4), worker("b", 4)});
  for (std::uint64_t lease = 1; lease <= 6; ++lease) put(lease);
  for (std::uint64_t lease = 1; lease <= 5; ++lease) {
    book.claimed(lease == 4 ? "b" : "a", LeaseId{lease}, now);
    act();
  }
  book.taken_back(LeaseId{6}, "b", now);
  act();
  book.heard("a", LeaseId{1}, ran(1, 1ms), now);
  news(1, LeaseState::gone);
  book.heard("a", LeaseId{2}, {}, now);  // its worker has told the machine itself
  auto told = holders();
  std::sort(told["a"].begin(), told["a"].end());
  std::sort(told["b"].begin(), told["b"].end());
  CHECK(told == Holders{{"a", {LeaseId{3}, LeaseId{5}}}, {"b", {LeaseId{4}, LeaseId{6}}}});
  CHECK(holders().empty());
  book.claimed("a", LeaseId{3}, now);  // said twice
  CHECK(holders().empty());
}

TEST_CASE_FIXTURE(World, "an entry of another job under the same number is another one's") {
  workers({worker("a", 4)});
  put(1);
  take<LookAt>();
  pass(1100ms);
  auto foreign = row(1, "5-5", "", "other");
  foreign.job = JobId{99, 99};
  look({foreign});
  CHECK(take<RemoveEntry>().empty());
  CHECK(take<AskForOwners>().at(0).rows.size() == 1);
  CHECK(book.knows(LeaseId{1}, JobId{99, 99}) == false);
  CHECK(book.knows(LeaseId{1}, JobId{7, 1}) == true);
  CHECK_FALSE(book.knows(LeaseId{4}, JobId{7, 4}).has_value());
}

TEST_CASE_FIXTURE(World,
                  "entries whose leases the machine has taken over are kept going, until it says that they are gone") {
  workers({worker("a", 4)});
  take<LookAt>();
  pass(10s);
  look({row(1, "5-5", "", "other"), row(2, "5-6", "a", "other")});
  const auto asked = take<AskForOwners>();
  REQUIRE(asked.size() == 1);
  REQUIRE(asked[0].rows.size() == 2);
  for (const auto& row : asked[0].rows) book.adopt(0, row, now);
  act();
  CHECK(holders() == Holders{{"a", {LeaseId{2}}}});
  CHECK(take<RenewLeases>().empty());  // they were just renewed
  pass(10s);
  CHECK(take<RenewLeases>().at(0).leases.size() == 1);
  CHECK(book.counts().waiting == 1);
  CHECK(book.counts().claimed == 1);
  news(1, LeaseState::gone);
  const auto removed = take<RemoveEntry>();
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].id == "5-5");
}

TEST_CASE_FIXTURE(World, "what is recalled or cancelled comes back if nobody has read it") {
  workers({worker("a", 4)});
  put(1, 2);
  put(2);
  news(1, LeaseState::recalled);
  news(2, LeaseState::cancelled);
  const auto taken = take<TakeBack>();
  REQUIRE(taken.size() == 2);
  book.taken_back(LeaseId{1}, "", now);
  book.taken_back(LeaseId{2}, "a", now);
  act();
  CHECK(returned(take<TellMachine>()) == 2);
  CHECK(take<RemoveEntry>().empty());
  CHECK(book.counts().claimed == 1);
}

TEST_CASE_FIXTURE(World, "when the last worker of a type goes, what waits for it comes back") {
  workers({worker("a", 4)});
  put(1);
  put(2);
  book.claimed("a", LeaseId{2}, now);
  workers({});
  const auto forgotten = take<ForgetWorker>();
  REQUIRE(forgotten.size() == 1);
  CHECK(forgotten[0].name == "a");
  CHECK(forgotten[0].streams == std::vector<StreamNumber>{0});
  const auto taken = take<TakeBack>();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].lease == LeaseId{1});
  CHECK_FALSE(take<GiveUpPoll>().empty());
}

TEST_CASE_FIXTURE(World, "without Redis what waits goes back soon, and what workers have is kept for them") {
  workers({worker("a", 4)});
  put(1, 3);
  put(2);
  book.claimed("a", LeaseId{2}, now);
  book.handed_out(0, {hand_out(3)}, now);  // on its way when the connection ends
  act();
  book.disconnected(now);
  pass(1s);
  CHECK(take<TellMachine>().empty());
  pass(1001ms);
  CHECK(returned(take<TellMachine>()) == 4);
  take<RenewLeases>();
  pass(10s);
  const auto kept = take<RenewLeases>();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].leases.at(0).lease == LeaseId{2});
  // Not for ever.
  pass(300s);
  take<RenewLeases>();
  pass(11s);
  CHECK(take<RenewLeases>().empty());
}

TEST_CASE_FIXTURE(World, "an entry that was on its way when the connection ended is found, or goes back") {
  workers({worker("a", 4)});
  book.handed_out(0, {hand_out(1), hand_out(2, 2)}, now);
  act();
  book.disconnected(now);
  now += 500ms;
  book.connected(now);
  act();
  look({row(1, "3-3")});
  CHECK(returned(take<TellMachine>()) == 2);
  CHECK(book.counts().waiting == 1);
  news(1, LeaseState::gone);
  CHECK(take<RemoveEntry>().at(0).id == "3-3");
}

TEST_CASE_FIXTURE(World, "what Redis does not take goes back, and it is left alone for a while") {
  workers({worker("a", 4)});
  take<PollMachine>();
  book.handed_out(0, {hand_out(1, 2)}, now);
  act();
  take<PollMachine>();
  book.not_added(LeaseId{1}, now);
  book.handed_out(0, {}, now);
  act();
  CHECK(returned(take<TellMachine>()) == 2);
  CHECK(take<PollMachine>().empty());
  pass(1001ms);
  CHECK(take<PollMachine>().size() == 1);
}

TEST_CASE_FIXTURE(World, "what is too much for one entry goes back at once") {
  workers({worker("a", 4)});
  auto large = hand_out(1, 5);
  for (auto& task : large.tasks) task.params = std::string(entry_bytes / 2 - 100, 'x');
  auto huge = hand_out(2, 1);
  huge.tasks[0].params = std::string(entry_bytes + 1, 'x');
  book.handed_out(0, {large, huge}, now);
  act();
  const auto added = take<AddEntry>();
  REQUIRE(added.size() == 2);
  CHECK(added[0].hand_out.tasks.size() == 2);
  CHECK(added[1].hand_out.tasks.size() == 1);
  const auto told = take<TellMachine>();
  CHECK(returned(told) == 3);
  CHECK(told.at(0).report.outcomes.at(0).index == 2);
  CHECK(book.counts().waiting == 3);
}

TEST_CASE_FIXTURE(World, "what nobody reads goes back after a while, for something more urgent") {
  workers({worker("a", 4)});
  const auto id = put(1, 2);
  put(2);
  book.claimed("a", LeaseId{2}, now);
  take<TakeBack>();
  pass(1999ms);
  CHECK(take<TakeBack>().empty());
  pass(1ms);
  const auto taken = take<TakeBack>();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].id == id);
  book.not_taken_back(LeaseId{1});  // it is tried again
  pass(1ms);
  CHECK(take<TakeBack>().size() == 1);
  book.taken_back(LeaseId{1}, "", now);
  act();
  CHECK(returned(take<TellMachine>()) == 2);
}

TEST_CASE_FIXTURE(World, "what Redis took after the machine had given it up is removed") {
  book.added(0, LeaseId{5}, "5-5");
  act();
  const auto removed = take<RemoveEntry>();
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].id == "5-5");
}

TEST_CASE_FIXTURE(World, "the tasks of an entry that no worker can read are dead, with the reason") {
  workers({worker("a", 4)});
  put(1, 2);
  book.refused(LeaseId{1}, "unknown schema \"2\"", now);
  act();
  const auto told = take<TellMachine>();
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].report.outcomes.size() == 2);
  for (const auto& outcome : told[0].report.outcomes) {
    CHECK(outcome.kind == RemoteOutcome::Kind::failed);
    CHECK(outcome.failure.kind == TaskFailure::Kind::dead);
    CHECK(outcome.failure.message == "unknown schema \"2\"");
  }
  CHECK(take<RemoveEntry>().size() == 1);
  book.refused(LeaseId{1}, "again", now);
  act();
  CHECK(take<TellMachine>().empty());
}

TEST_CASE_FIXTURE(World, "once closed nothing is asked for, and what comes yet goes back") {
  workers({worker("a", 4)});
  book.close();
  act();
  CHECK(take<GiveUpPoll>().size() == 1);
  take<PollMachine>();
  book.handed_out(0, {hand_out(1)}, now);
  pass(5s);
  CHECK(returned(take<TellMachine>()) == 1);
  CHECK(take<PollMachine>().empty());
  CHECK(take<AddEntry>().empty());
}

}  // namespace
