// Machines and workers on the two sides of a real Redis, while all is well.

#include <coremachine/queue/redis_queue.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <doctest/doctest.h>

#include "core/queue/redis/entry_text.hpp"
#include "tests/support/redis_world.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

/// Waits, looking now and then, for what other processes and threads bring about. False: it took a minute.
bool comes_true(const std::function<bool()>& is_so) {
  const auto by = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > by) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

TEST_CASE("tasks go to workers and come back, each once, and every key has the prefix") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target("a:b"));
  std::atomic<int> runs{0};
  {
    RedisWorker one(redis.target("a:b"), [&](auto, auto&) { ++runs; });
    RedisWorker two(redis.target("a:b"), [&](auto, auto&) { ++runs; });
    machine.check_completed(machine.submit(1), 1);
    machine.check_completed(machine.submit(5000), 5000);
    CHECK(runs == 5001);
    for (const auto& key : redis.keys()) {
      CAPTURE(key);
      CHECK(key.substr(0, 4) == "a:b:");
    }
    CHECK(comes_true([&] { return redis.command({"XLEN", "a:b:tasks:redis.step"}) == "0"; }));
    const auto workers = machine.machine().workers().value();
    CHECK(workers.size() == 2);
    for (const auto& worker : workers) {
      CHECK(worker.kind == "redis");
      CHECK(worker.task_types == std::vector<std::string>{"redis.step"});
    }
    CHECK(machine.pump().health().is_up);
    CHECK(comes_true([&] { return machine.pump().health().workers == 2; }));
  }
  CHECK(comes_true([&] { return machine.machine().workers().value().empty(); }));
  CHECK(comes_true([&] { return machine.pump().health().workers == 0; }));
}

TEST_CASE("who took tasks out of the queue is shown with them, although it has said nothing yet") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{60'000});
  TaskResolverRegistry resolvers;
  TaskRegistry tasks;
  resolvers.add("default", std::make_shared<TaskResolver>(tasks));
  const auto transport = RedisQueue(redis.address(), "test", resolvers).transport();
  const RemoteWorker worker{.name = "quiet", .concurrency = 2, .task_types = {"redis.step"}};
  const auto job = machine.submit(1);
  std::vector<HandOut> taken;
  REQUIRE(comes_true([&] {
    taken = transport->poll(worker, 1, Milliseconds{1000}).value();
    return !taken.empty();
  }));
  CHECK(comes_true([&] {
    for (const auto& each : machine.machine().workers().value()) {
      if (each.name == "quiet" && each.tasks.size() == 1 && each.tasks[0].job == job) return true;
    }
    return false;
  }));
  const auto reasons = machine.machine().explain(job).value();
  REQUIRE(reasons.size() == 1);
  CHECK(reasons[0].detail.find("worker quiet") != std::string::npos);
  REQUIRE(transport->leave(worker).has_value());
  redis.command({"DEL", "test:tasks:redis.step"});
  RedisWorker other(redis.target());
  RemoteReport report{taken[0].lease, {}};
  report.outcomes.push_back({.index = 0, .attempt = 1, .kind = RemoteOutcome::Kind::completed, .result = "0"});
  REQUIRE(transport->report(worker, {report}).has_value());
  machine.check_completed(job, 1);
}

TEST_CASE("a job that came before any worker waits, and says so") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  const auto job = machine.submit(10);
  CHECK(comes_true([&] {
    const auto reasons = machine.machine().explain(job).value();
    return reasons.size() == 1 && reasons[0].code == ReasonCode::no_worker;
  }));
  RedisWorker worker(redis.target());
  machine.check_completed(job, 10);
}

TEST_CASE("what is more urgent overtakes a long job") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{30'000});
  std::mutex mutex;
  std::vector<JobId> order;
  RedisWorker worker(
      redis.target(),
      [&](auto, TaskContext& context) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const std::lock_guard lock(mutex);
        order.push_back(context.job_id());
      },
      1);
  const auto slow = machine.submit(2000);
  REQUIRE(comes_true([&] { return machine.completed(slow) > 0; }));
  const auto urgent = machine.submit(5, 50);
  machine.check_completed(urgent, 5);
  const std::lock_guard lock(mutex);
  // At most what lies in the stream and with the worker was before it.
  CHECK(order.size() < 1500);
  CHECK(std::count(order.begin(), order.end(), urgent) == 5);
}

TEST_CASE("what is more urgent overtakes long tasks that nobody has begun, although they were put there before") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{30'000});
  std::mutex mutex;
  std::vector<JobId> order;
  std::atomic<bool> is_open{false};
  RedisWorker worker(
      redis.target(),
      [&](auto, TaskContext& context) {
        {
          const std::lock_guard lock(mutex);
          order.push_back(context.job_id());
        }
        while (!is_open && !context.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      1);
  const auto health = [&] { return machine.pump().health(); };
  const auto slow = machine.submit(3);
  REQUIRE(comes_true([&] { return health().running == 1 && health().waiting == 1; }));
  const auto urgent = machine.submit(1, 50);
  const auto urgent_runs = [&] { return machine.machine().job(urgent)->stages.at(0).tasks.running == 1; };
  REQUIRE(comes_true([&] { return !machine.machine().job(urgent)->stages.empty() && urgent_runs(); }));
  is_open = true;
  machine.check_completed(slow, 3);
  machine.check_completed(urgent, 1);
  REQUIRE(order.size() == 4);
  CHECK(order[1] == urgent);
}

/// An entry of a server that is not there, for a job that no store has.
void put_nobodys_entry(const RedisServer& redis) {
  HandOut hand_out;
  hand_out.lease = LeaseId{77};
  hand_out.job = JobId{1, 2};
  hand_out.round = 1;
  hand_out.stage = 1;
  hand_out.task_type = "redis.step";
  hand_out.term = Milliseconds{30'000};
  hand_out.tasks.push_back({.index = 0, .params = R"({"i":0})"});
  const auto text = redis::entry_text(hand_out, "nobody");
  redis.command({"XADD", "test:tasks:redis.step", "*", "lease", hand_out.lease.str(), "job", hand_out.job.str(),
                 "server", "nobody", "entry", text});
}

TEST_CASE("a store that cannot be read is no proof that a job is not there") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  TaskRegistry none;
  TaskResolverRegistry resolvers;
  resolvers.add("default", std::make_shared<TaskResolver>(none));
  const auto transport = RedisQueue(redis.address(), "test", resolvers).transport();
  const RemoteWorker worker{.name = "w", .task_types = {"redis.step"}};
  REQUIRE(comes_true([&] { return machine.pump().health().is_up; }));
  machine.machine().stop();
  put_nobodys_entry(redis);
  const auto taken = transport->poll(worker, 1, Milliseconds{10'000}).value();
  REQUIRE(taken.size() == 1);
  RemoteReport report{taken[0].lease, {}};
  report.outcomes.emplace_back();
  const auto reported = transport->report(worker, {report});
  REQUIRE_FALSE(reported.has_value());
  CHECK(reported.error().kind == WorkerFault::Kind::busy);
  CHECK_FALSE(transport->renew(worker, {{taken[0].lease}}).has_value());
}

TEST_CASE("an entry of a job that nobody knows is run for nothing, and that is all") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  put_nobodys_entry(redis);
  std::atomic<int> runs{0};
  RedisWorker worker(redis.target(), [&](auto, auto&) { ++runs; });
  REQUIRE(comes_true([&] { return runs > 0 && redis.command({"XLEN", "test:tasks:redis.step"}) == "0"; }));
  machine.check_completed(machine.submit(100), 100);
  CHECK(worker.drain().untold == 0);
}

TEST_CASE("a worker that drains gives back what it has not begun, and others do it") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{30'000});
  auto first = std::make_unique<RedisWorker>(
      redis.target(), [](auto, auto&) { std::this_thread::sleep_for(std::chrono::microseconds(300)); }, 2);
  const auto job = machine.submit(3000);
  REQUIRE(comes_true([&] { return machine.completed(job) > 100; }));
  first->drain();
  RedisWorker second(redis.target());
  // Nothing waits for the end of a lease.
  machine.check_completed(job, 3000);
  for (const auto& task : machine.machine().tasks(job, {.limit = 200}).value().items) CHECK(task.attempt == 1);
}

TEST_CASE("a cancelled job's tasks leave the stream, and its worker is free soon") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{1500});
  RedisWorker worker(
      redis.target(),
      [](auto, TaskContext& context) {
        while (!context.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      1);
  const auto job = machine.submit(100);
  REQUIRE(comes_true([&] { return worker.counts().running == 1; }));
  REQUIRE(machine.machine().cancel(job).has_value());
  CHECK(machine.machine().wait(job, Milliseconds{60'000})->status == JobStatus::cancelled);
  CHECK(comes_true([&] { return redis.command({"XLEN", "test:tasks:redis.step"}) == "0"; }));
  CHECK(comes_true([&] { return worker.counts().running == 0; }));
}

TEST_CASE("an entry whose schema nobody knows fails its tasks with the reason; one of nobody is put aside") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{30'000});
  // A worker is announced that takes nothing, so that the entry lies there long enough to be changed.
  redis.command({"SET", "test:worker:ghost",
                 R"({"schema":1,"worker":"ghost","concurrency":1,"resolver_id":"default","task_types":["redis.step"]})",
                 "PX", "60000"});
  redis.command({"SADD", "test:workers", "ghost"});
  const auto job = machine.submit(1);
  REQUIRE(comes_true([&] {
    return redis.command({"EXISTS", "test:tasks:redis.step"}) == "1" &&
           redis.command({"XLEN", "test:tasks:redis.step"}) == "1";
  }));
  redis.command({"EVAL", R"(
local e = redis.call('XRANGE', KEYS[1], '-', '+')[1]
for i = 1, #e[2], 2 do if e[2][i] == 'entry' then e[2][i + 1] = string.gsub(e[2][i + 1], '"schema":1', '"schema":7') end end
redis.call('XDEL', KEYS[1], e[1])
redis.call('XADD', KEYS[1], e[1] .. '1', unpack(e[2]))
redis.call('XADD', KEYS[1], '*', 'entry', '{"schema":1,"what":"is this"}')
return 1)",
                 "1", "test:tasks:redis.step"});
  RedisWorker worker(redis.target());
  const auto view = machine.machine().wait(job, Milliseconds{60'000});
  REQUIRE(view.has_value());
  CHECK(view->status == JobStatus::dead);
  REQUIRE(view->error.has_value());
  CHECK(view->error->message.find("unknown schema \"7\"") != std::string::npos);
  CHECK(comes_true([&] { return redis.command({"EXISTS", "test:refused"}) == "1"; }));
  CHECK(redis.command({"XRANGE", "test:refused", "-", "+"}).find("is this") != std::string::npos);
}

TEST_CASE("a server that was stopped leaves its entries to the next one") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  TemporaryDirectory folder;
  const auto store = "sqlite:" + folder.path() + "/store.db";
  JobId job;
  RedisWorker worker(redis.target(), [](auto, auto&) { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
  {
    RedisMachine machine(redis.target(), store, Milliseconds{30'000});
    job = machine.submit(6000);
    REQUIRE(comes_true([&] { return machine.completed(job) > 200; }));
  }
  RedisMachine machine(redis.target(), store, Milliseconds{30'000});
  machine.check_completed(job, 6000);
  // What the worker had when the first server went has counted; nothing waited for the end of a lease.
  for (const auto& task : machine.machine().tasks(job, {.limit = 200}).value().items) CHECK(task.attempt == 1);
}

TEST_CASE("a wrong password, a prefix that is none, a resolver that is not there: said, not tried for ever") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis({"--requirepass", "secret"});
  CHECK_THROWS_AS(RedisQueue(redis.address(), "a b"), Failure);
  CHECK_THROWS_AS(RedisQueue(redis.address(), "a", TaskResolverRegistry::instance(), "x y"), Failure);
  const RemoteWorker worker{.name = "w", .task_types = {"t"}};
  auto address = redis.address();
  address.password = "wrong";
  const RedisQueue wrong(address, "a");
  const auto refused = wrong.transport()->poll(worker, 1, Milliseconds{10});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == WorkerFault::Kind::not_allowed);
  CHECK(refused.error().what.find("WRONGPASS") != std::string::npos);
  address.password = "secret";
  const RedisQueue right(address, "a");
  auto unknown = worker;
  unknown.resolver_id = "nobody";
  const auto unresolved = right.transport()->poll(unknown, 1, Milliseconds{10});
  REQUIRE_FALSE(unresolved.has_value());
  CHECK(unresolved.error().kind == WorkerFault::Kind::refused);
  const auto nothing = right.transport()->poll(worker, 1, Milliseconds{10});
  REQUIRE(nothing.has_value());
  CHECK(nothing->empty());
}

}  // namespace
