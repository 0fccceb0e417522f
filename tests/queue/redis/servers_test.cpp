// Several machines on one PostgreSQL with one queue in Redis: what one of them has handed out, and cannot hear of for a
// while, is not lost.

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/support/child_process.hpp"
#include "tests/support/postgres/fixture.hpp"
#include "tests/support/redis_world.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

constexpr std::int64_t tasks = 6;
constexpr Milliseconds lease_term{10'000};
/// A machine is taken for dead long after its inbox has gone.
constexpr Milliseconds server_term{8'000};
const auto inbox_lives = [](redis::PumpTimes& times) { times.inbox_lives = Milliseconds{2000}; };

bool comes_true(const std::function<bool()>& is_so) {
  const auto by = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > by) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// A worker whose tasks wait until they may end.
struct HeldUp {
  explicit HeldUp(const RedisTarget& target)
      : worker(target, [this](auto, TaskContext& context) {
          ++runs;
          while (!may_end && !context.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }) {}
  std::atomic<int> runs{0};
  std::atomic<bool> may_end{false};
  RedisWorker worker;
};

/// Each task ran once, and what came of that was recorded.
void check_once(RedisMachine& machine, const HeldUp& hands, JobId job) {
  CHECK(comes_true([&] {
    const auto view = machine.machine().job(job);
    return view && view->status == JobStatus::completed;
  }));
  machine.check_completed(job, tasks);
  for (const auto& task : machine.machine().tasks(job, {.limit = 200}).value().items) CHECK(task.attempt == 1);
  CHECK(hands.runs.load() == tasks);
}

std::size_t inboxes(const RedisServer& redis) {
  const auto keys = redis.keys();
  return static_cast<std::size_t>(
      std::count_if(keys.begin(), keys.end(), [](const auto& key) { return key.starts_with("test:inbox:"); }));
}

TEST_CASE("a machine dies: until another one has its jobs, workers keep what they have") {
  COREMACHINE_NEEDS_REDIS();
  TemporaryDirectory folder;
  const auto store = store_tests::new_postgres_url(folder.path());
  RedisServer redis;
  // Made while this process has one thread.
  ChildProcess child([&](const std::function<void(const std::string&)>& say) {
    RedisMachine machine(redis.target(), store + "&server=a", lease_term, 0, server_term, inbox_lives);
    say(machine.submit(tasks).str());
    std::this_thread::sleep_for(std::chrono::minutes(5));
  });
  std::string said;
  REQUIRE(child.read_line(said));
  const auto job = JobId::parse(said).value();
  RedisMachine other(redis.target(), store + "&server=b", lease_term, 0, server_term, inbox_lives);
  HeldUp hands(redis.target());
  REQUIRE(comes_true([&] { return hands.runs == 2; }));
  REQUIRE(comes_true([&] { return inboxes(redis) == 2; }));
  child.kill();
  child.wait();
  REQUIRE(comes_true([&] { return inboxes(redis) == 1; }));
  hands.may_end = true;
  check_once(other, hands, job);
  CHECK(comes_true([&] { return redis.command({"XLEN", "test:tasks:redis.step"}) == "0"; }));
}

/// How often somebody has looked at all that lies in a stream.
int whole_looks(const RedisServer& redis) {
  const auto said = redis.command({"INFO", "commandstats"});
  const std::string_view name = "cmdstat_xrange:calls=";
  const auto at = said.find(name);
  return at == std::string::npos ? 0 : std::stoi(said.substr(at + name.size()));
}

TEST_CASE("a machine that cannot be heard for a while, as when it drains: its tasks are not taken for gone") {
  COREMACHINE_NEEDS_REDIS();
  TemporaryDirectory folder;
  const auto store = store_tests::new_postgres_url(folder.path());
  RedisServer redis;
  RedisMachine owner(redis.target(), store + "&server=a", Milliseconds{60'000});
  RedisMachine other(redis.target(), store + "&server=b", Milliseconds{60'000});
  TaskRegistry none;
  TaskResolverRegistry resolvers;
  resolvers.add("default", std::make_shared<TaskResolver>(none));
  redis::Transport hand(redis.target(), resolvers, "default", RedisWorker::quick());
  const RemoteWorker about{.name = "hand", .concurrency = 1, .task_types = {"redis.step"}};
  const auto job = owner.submit(2);
  std::vector<HandOut> taken;
  REQUIRE(comes_true([&] {
    taken = hand.poll(about, 1, Milliseconds{1000}).value();
    return !taken.empty();
  }));
  const auto rows = [&] { return redis.command({"XLEN", "test:tasks:redis.step"}); };
  REQUIRE(comes_true([&] { return rows() == "2"; }));

  owner.stop_pump();
  RemoteReport report{taken[0].lease, {}};
  const auto& task = taken[0].tasks.at(0);
  RemoteOutcome outcome;
  outcome.index = task.index;
  outcome.attempt = task.attempt;
  outcome.result = std::to_string(task.index);
  report.outcomes.push_back(outcome);
  std::vector<WorkerFault::Kind> faults;
  CHECK(comes_true([&] {
    const auto told = hand.report(about, {report});
    REQUIRE_FALSE(told.has_value());
    faults.push_back(told.error().kind);
    return faults.back() == WorkerFault::Kind::busy;
  }));
  const auto renewed = hand.renew(about, {{taken[0].lease}});
  REQUIRE(renewed.has_value());
  REQUIRE(renewed->size() == 1);
  CHECK(renewed->at(0).state == LeaseState::held);
  // The other machine has looked at what lies there, and has left it there.
  const auto looks = whole_looks(redis);
  CHECK(comes_true([&] { return whole_looks(redis) >= looks + 2; }));
  CHECK(rows() == "2");

  owner.start_pump();
  CHECK(comes_true([&] { return hand.report(about, {report}).has_value(); }));
  RedisWorker rest(redis.target());
  owner.check_completed(job, 2);
  for (const auto& each : owner.machine().tasks(job, {.limit = 10}).value().items) CHECK(each.attempt == 1);
  CHECK(comes_true([&] { return rows() == "0"; }));
}

}  // namespace
