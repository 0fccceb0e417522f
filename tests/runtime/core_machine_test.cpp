// The whole machine with its threads, on a store in memory.

#include <dirent.h>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <coremachine/coremachine.hpp>
#include <coremachine/registry/coroutine_handler.hpp>
#include <coremachine/runtime/async.hpp>

#include "tests/support/sim_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;
namespace asio = boost::asio;

/// A gate that handlers wait at and tests open.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  int waited() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return open_;
  }
  /// Comes to the gate and does not wait.
  void touch() {
    const std::lock_guard lock(mutex_);
    ++waiting_;
    changed_.notify_all();
  }
  void await_waiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

Gate* gate = nullptr;

/// Lets whoever waits at the gate go, also when a check failed.
struct OpenAtExit {
  Gate& of;
  ~OpenAtExit() { of.open(); }
};

/// `count` tasks of type `task`; the result is how many completed. `block`: which function waits at the gate.
struct PlainJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    if (blocks(context, "create")) gate->pass();
    std::vector<TaskDefinition> tasks;
    for (std::int64_t i = 0; i < context.job_params().at("count").as_int64(); ++i) {
      tasks.push_back({std::string(context.job_params().at("task").as_string()), {{"i", i}}});
    }
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"n", results.size()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override {
    if (blocks(context, "final")) gate->pass();
    if (blocks(context, "throw")) throw std::runtime_error("no result today");
    return context.stage_result(1);
  }
  static bool blocks(const JobContext& context, std::string_view where) {
    const auto* block = context.job_params().if_contains("block");
    return block && block->as_string() == where;
  }
};

struct SecondPlainJob : PlainJob {
  json::object get_final_result(const JobContext&) const override { return {{"version", 2}}; }
};

/// Runs until it is told to end, and then returns what nobody should take for its answer.
struct PoliteJob : PlainJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    gate->touch();
    if (gate->is_open()) return {{"ok", {{"i", 1}}}};
    while (!context.cancelled()) std::this_thread::yield();
    return {};
  }
};

TaskResult polite(const json::object&, TaskContext& context) {
  gate->touch();
  if (gate->is_open()) return {{"done", true}};
  while (!context.cancelled()) std::this_thread::yield();
  throw std::runtime_error("told to end");
}

asio::awaitable<TaskResult> sleepless(const json::object& params, TaskContext&) {
  // A timer that is due at once: the coroutine is suspended and comes back.
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  co_await timer.async_wait(asio::use_awaitable);
  auto result = json::object{{"i", params.at("i")}};
  co_return TaskResult(std::move(result));
}

asio::awaitable<TaskResult> endless(const json::object&, TaskContext&) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
  gate->open();
  co_await timer.async_wait(asio::use_awaitable);
  co_return TaskResult();
}

struct Fixture {
  Fixture() {
    support::register_sim_jobs(jobs, tasks);
    jobs.add<PlainJob>("plain");
    jobs.add<PlainJob>("patient", JobInfo{.handler_timeout = Milliseconds{300}});
    jobs.add<PlainJob>("unique", JobInfo{.unique_by_params = true});
    jobs.add<PoliteJob>("polite");
    tasks.add("polite", polite, TaskInfo{.retry = RetryPolicy{.max_attempts = 1}});
    jobs.add<PlainJob>("hasty", JobInfo{.handler_timeout = Milliseconds{20}});
    tasks.add("ok", [](const json::object& params) -> TaskResult { return {{"i", params.at("i")}}; });
    tasks.add("wait", [](const json::object&, TaskContext&) -> TaskResult {
      gate->pass();
      return {{"done", true}};
    });
    tasks.add("nan",
              [](const json::object&) -> TaskResult { return json::value(std::numeric_limits<double>::quiet_NaN()); });
    const TaskInfo timed{.retry = RetryPolicy{.max_attempts = 1}, .timeout = Milliseconds{20}};
    tasks.add(
        "stubborn",
        [](const json::object&) -> TaskResult {
          gate->pass();
          return {{"done", true}};
        },
        timed);
    tasks.add(
        "quick",
        [](const json::object& params, TaskContext& context) -> TaskResult {
          if (gate->waited() > 0 && params.at("i") == 100 && context.attempt() == 1) gate->pass();
          return {{"i", params.at("i")}};
        },
        TaskInfo{.retry = RetryPolicy{.max_attempts = 2, .first_delay = Milliseconds{1}}, .timeout = Milliseconds{20}});
    tasks.add("endless_timed", endless, timed);
    tasks.add("sleepless", sleepless);
    tasks.add("endless", endless);
    tasks.add(
        "off", [](const json::object&) -> TaskResult { return {}; }, TaskInfo{.enabled = false});
    gate = &own_gate;
  }
  MachineOptions options(unsigned workers = 2) {
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.workers = workers;
    options.log = [](std::string_view) {};
    return options;
  }
  static json::object plain(std::string_view task, int count, std::string_view block = {}) {
    json::object params{{"task", task}, {"count", count}};
    if (!block.empty()) params["block"] = block;
    return params;
  }
  JobRegistry jobs;
  TaskRegistry tasks;
  Gate own_gate;
};

/// How often the threads of this process, all but the calling one, gave up a processor of their own accord.
std::uint64_t voluntary_switches() {
  std::uint64_t total = 0;
  auto* folder = ::opendir("/proc/self/task");
  while (const auto* entry = ::readdir(folder)) {
    const std::string thread = entry->d_name;
    if (thread.front() == '.' || thread == std::to_string(::gettid())) continue;
    std::ifstream status("/proc/self/task/" + thread + "/status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.starts_with("voluntary_ctxt_switches:")) total += std::stoull(line.substr(line.find(':') + 1));
    }
  }
  ::closedir(folder);
  return total;
}

}  // namespace

TEST_SUITE("runtime: a machine") {
  TEST_CASE_FIXTURE(Fixture, "runs a job to its result") {
    CoreMachine machine(options());
    const auto job = machine.run("plain", plain("ok", 5000)).value();
    CHECK(job.status == JobStatus::completed);
    CHECK(job.result->at("n") == 5000);
    CHECK(job.stages.at(0).tasks.completed == 5000);
    CHECK(machine.job(job.id).value().status == JobStatus::completed);
    CHECK(machine.wait(job.id).value().result == job.result);
  }

  TEST_CASE_FIXTURE(Fixture, "says what it does not know, and what is near") {
    CoreMachine machine(options());
    const auto refused = machine.submit("plane");
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == ErrorCode::unknown_job_type);
    CHECK(refused.error().message.find("plain") != std::string::npos);
    CHECK(machine.job(JobId{1, 2}).error().code == ErrorCode::unknown_job);
    CHECK(machine.cancel(JobId{1, 2}).error().code == ErrorCode::unknown_job);
    CHECK(machine.retry(JobId{1, 2}).error().code == ErrorCode::unknown_job);
    CHECK(machine.submit("plain", plain("ok", 1), {.priority = 101}).error().code == ErrorCode::invalid_argument);
  }

  TEST_CASE_FIXTURE(Fixture, "a task type that nobody declared makes the job dead, and names it") {
    CoreMachine machine(options());
    const auto job = machine.run("plain", plain("okay", 1)).value();
    CHECK(job.status == JobStatus::dead);
    CHECK(job.error->code == ErrorCode::unknown_task);
    CHECK(job.error->message.find("\"okay\"") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "a result that is not JSON breaks the contract of its handler") {
    CoreMachine machine(options());
    const auto job = machine.run("plain", plain("nan", 3)).value();
    CHECK(job.status == JobStatus::dead);
    CHECK(job.error->code == ErrorCode::handler_contract);
  }

  TEST_CASE_FIXTURE(Fixture, "a handler that throws fails the job with the cause; retried, it is asked again") {
    CoreMachine machine(options());
    const auto job = machine.run("plain", plain("ok", 2, "throw")).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->code == ErrorCode::handler_threw);
    CHECK(job.error->message.find("no result today") != std::string::npos);
    const auto again = machine.retry(job.id).value();
    CHECK(again.attempt == 2);
    CHECK(machine.wait(job.id).value().status == JobStatus::failed);
    CHECK(machine.wait(job.id).value().stages.at(0).tasks.completed == 2);
  }

  TEST_CASE_FIXTURE(Fixture, "a boundary that takes too long fails the job, and others go on meanwhile") {
    auto with = options();
    with.handlers = 1;
    CoreMachine machine(std::move(with));
    const auto late = machine.submit("hasty", plain("ok", 1, "create")).value();
    const auto job = machine.wait(late).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->code == ErrorCode::boundary_timeout);
    CHECK(machine.run("plain", plain("ok", 1)).value().status == JobStatus::completed);
    own_gate.open();
  }

  TEST_CASE_FIXTURE(Fixture, "a slow job handler delays no other job") {
    CoreMachine machine(options());
    const auto slow = machine.submit("plain", plain("ok", 1, "final")).value();
    own_gate.await_waiting(1);
    for (int i = 0; i < 20; ++i) CHECK(machine.run("plain", plain("ok", 3)).value().status == JobStatus::completed);
    CHECK_FALSE(is_terminal(machine.job(slow).value().status));
    own_gate.open();
    CHECK(machine.wait(slow).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "a paused job starts nothing until it is resumed") {
    CoreMachine machine(options(1));
    const auto id = machine.submit("plain", plain("wait", 10)).value();
    own_gate.await_waiting(1);
    CHECK(machine.pause(id).value().status == JobStatus::paused);
    CHECK(machine.pause(id).value().status == JobStatus::paused);
    own_gate.open();
    CHECK(machine.run("plain", plain("ok", 1)).value().status == JobStatus::completed);
    // The one that ran gives its thread back before it is told of.
    while (machine.job(id).value().stages.at(0).tasks.running > 0) std::this_thread::yield();
    const auto job = machine.job(id).value();
    CHECK(job.status == JobStatus::paused);
    CHECK(job.stages.at(0).tasks.completed == 1);  // also what was handed out already has not begun
    CHECK(job.stages.at(0).tasks.queued == 9);
    CHECK(machine.resume(id).has_value());
    CHECK(machine.wait(id).value().status == JobStatus::completed);
    CHECK(machine.resume(id).error().code == ErrorCode::wrong_state);
  }

  TEST_CASE_FIXTURE(Fixture, "a task may run a job of its own and wait for it") {
    CoreMachine* inner = nullptr;
    tasks.add("nested", [&](const json::object&) -> TaskResult {
      return {{"inner", inner->run("plain", plain("ok", 3)).value().result->at("n")}};
    });
    CoreMachine machine(options(2));
    inner = &machine;
    for (int i = 0; i < 20; ++i) CHECK(machine.run("plain", plain("nested", 1)).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "a boundary that waits behind slow ones keeps its time until it begins") {
    auto with = options(1);
    with.handlers = 1;
    CoreMachine machine(with);
    // Both are handed to the pool: the one waits behind the other for longer than it may take itself.
    const auto slow = machine.submit("plain", plain("ok", 1, "create")).value();
    const auto hasty = machine.submit("patient", plain("ok", 1)).value();
    own_gate.await_waiting(1);
    std::promise<void> never;
    never.get_future().wait_for(std::chrono::milliseconds(600));
    own_gate.open();
    CHECK(machine.wait(slow).value().status == JobStatus::completed);
    CHECK(machine.wait(hasty).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "a handler that ignores its timeout is given up, and its thread is replaced") {
    auto with = options(1);
    with.grace = Milliseconds{20};
    CoreMachine machine(with);
    const OpenAtExit at_exit{own_gate};
    const auto job = machine.run("plain", plain("stubborn", 1)).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->message.find("timeout of 20 ms") != std::string::npos);
    // The one worker is there again although the handler still holds its thread.
    CHECK(machine.run("plain", plain("ok", 10)).value().status == JobStatus::completed);
    own_gate.open();
    CHECK(machine.run("plain", plain("ok", 10)).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "tasks of a slice that its handler held up run all the same") {
    auto with = options(1);
    with.grace = Milliseconds{20};
    CoreMachine machine(with);
    const OpenAtExit at_exit{own_gate};
    // Quick ones first, so that the next slice has many tasks; one of them never returns.
    CHECK(machine.run("plain", plain("quick", 200)).value().status == JobStatus::completed);
    own_gate.touch();  // from now on, number 100 is stubborn
    const auto job = machine.run("plain", plain("quick", 200)).value();
    CHECK(job.status == JobStatus::completed);
    CHECK(job.result->at("n") == 200);
    own_gate.open();
  }

  TEST_CASE_FIXTURE(Fixture, "a handler that ignores that its job was cancelled keeps no worker") {
    auto with = options(1);
    with.grace = Milliseconds{20};
    CoreMachine machine(with);
    const OpenAtExit at_exit{own_gate};
    const auto id = machine.submit("plain", plain("wait", 1)).value();
    own_gate.await_waiting(1);
    CHECK(machine.cancel(id).has_value());
    CHECK(machine.wait(id).value().status == JobStatus::cancelled);
    CHECK(machine.run("plain", plain("ok", 10)).value().status == JobStatus::completed);
    own_gate.open();
  }

  TEST_CASE_FIXTURE(Fixture, "a coroutine that takes longer than its timeout is cancelled where it waits") {
    CoreMachine machine(options(1));
    const auto job = machine.run("plain", plain("endless_timed", 1)).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->message.find("timeout of 20 ms") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "an attempt finds what the one before said last, also after a crash of the process") {
    const TaskInfo resumable{.retry = RetryPolicy{.max_attempts = 5, .first_delay = Milliseconds{1}}};
    tasks.add(
        "resumable",
        [](const json::object&, TaskContext& context) -> TaskResult {
          const auto done = context.last_progress().is_null() ? 0 : context.last_progress().at("done").as_int64();
          context.heartbeat({{"done", done + 1}});
          if (done < 3) return TaskFailure{.message = "not yet"};
          return {{"i", done}};
        },
        resumable);
    tasks.add("half", [](const json::object&, TaskContext& context) -> TaskResult {
      if (!context.last_progress().is_null()) return {{"i", context.last_progress().at("half")}};
      context.heartbeat({{"half", 21}});
      gate->touch();
      while (!context.cancelled()) std::this_thread::yield();
      throw std::runtime_error("told to end");
    });
    const support::TemporaryDirectory directory;
    auto with = options(1);
    with.store = "sqlite:" + directory.path() + "/store.db";
    with.drain_limit = Milliseconds{1};
    JobId half;
    {
      CoreMachine machine(with);
      CHECK(machine.run("plain", plain("resumable", 3)).value().status == JobStatus::completed);
      half = machine.submit("plain", plain("half", 1)).value();
      own_gate.await_waiting(1);
    }  // what still runs is told to end, and counts as never run
    CoreMachine machine(with);
    CHECK(machine.wait(half).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "an attempt that is silent for longer than its heartbeat is given up") {
    tasks.add(
        "silent",
        [](const json::object&, TaskContext& context) -> TaskResult {
          for (int i = 0; i < 3; ++i) context.heartbeat();
          gate->pass();
          return {};
        },
        TaskInfo{.retry = RetryPolicy{.max_attempts = 1}, .heartbeat = Milliseconds{20}});
    CoreMachine machine(options(1));
    const OpenAtExit at_exit{own_gate};
    const auto job = machine.run("plain", plain("silent", 1)).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->message.find("heartbeat of 20 ms") != std::string::npos);
    CHECK(machine.run("plain", plain("ok", 10)).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(
      Fixture,
      "handlers ask for services by type; each machine has its own, and one that lacks a declared one does not start") {
    tasks.add(
        "counts",
        [](const json::object&, TaskContext& context) -> TaskResult {
          if (context.try_get<std::string>()) throw std::logic_error("nobody gave a string");
          context.log("counting");
          return {{"i", ++context.get<std::atomic<int>>()}};
        },
        TaskInfo{.needs = {service<std::atomic<int>>()}});
    try {
      CoreMachine machine(options());
      FAIL("it started without what a task type needs");
    } catch (const Failure& failure) {
      CHECK(std::string(failure.what()).find("\"counts\" needs a service of type std::atomic<int>") !=
            std::string::npos);
    }
    auto ones = std::make_shared<std::atomic<int>>(0);
    auto others = std::make_shared<std::atomic<int>>(100);
    std::atomic<int> lines{0};
    for (const auto& counter : {ones, others}) {
      auto with = options();
      with.services.add(counter);
      with.log = [&](std::string_view line) {
        lines +=
            line.find("counting (job_id=") == 0 && line.find("task_type=counts, attempt=1") != std::string_view::npos
                ? 1
                : 0;
      };
      CoreMachine machine(with);
      CHECK(machine.run("plain", plain("counts", 5)).value().status == JobStatus::completed);
    }
    CHECK(*ones == 5);
    CHECK(*others == 105);
    CHECK(lines == 10);
  }

  TEST_CASE_FIXTURE(Fixture, "a job that is paused while it waits for its handler is not given to it") {
    auto with = options(1);
    with.handlers = 1;
    CoreMachine machine(with);
    const auto first = machine.submit("plain", plain("ok", 1, "create")).value();
    own_gate.await_waiting(1);  // the one handler thread is taken
    const auto second = machine.submit("plain", plain("ok", 1, "create")).value();
    CHECK(machine.pause(second).value().status == JobStatus::paused);
    own_gate.open();
    CHECK(machine.wait(first).value().status == JobStatus::completed);
    CHECK(machine.run("plain", plain("ok", 1, "create")).value().status == JobStatus::completed);
    CHECK(own_gate.waited() == 2);
    CHECK(machine.resume(second).has_value());
    CHECK(machine.wait(second).value().status == JobStatus::completed);
    CHECK(own_gate.waited() == 3);
  }

  TEST_CASE_FIXTURE(Fixture, "a cancelled job lets what runs end, and keeps what completed") {
    CoreMachine machine(options(1));
    const auto id = machine.submit("plain", plain("wait", 10)).value();
    own_gate.await_waiting(1);
    CHECK(machine.cancel(id).value().status == JobStatus::cancelling);
    own_gate.open();
    const auto job = machine.wait(id).value();
    CHECK(job.status == JobStatus::cancelled);
    CHECK(job.stages.at(0).tasks.completed == 1);
    CHECK(job.stages.at(0).tasks.cancelled == 9);
    CHECK(machine.cancel(id).error().code == ErrorCode::wrong_state);
    // Only what did not complete runs again.
    CHECK(machine.retry(id).value().attempt == 2);
    const auto again = machine.wait(id).value();
    CHECK(again.status == JobStatus::completed);
    CHECK(again.result->at("n") == 10);
    CHECK(again.stages.at(0).round == 2);
  }

  TEST_CASE_FIXTURE(Fixture, "coroutine handlers hold no thread") {
    CoreMachine machine(options(1));
    const auto job = machine.run("plain", plain("sleepless", 500)).value();
    CHECK(job.status == JobStatus::completed);
    CHECK(job.result->at("n") == 500);
  }

  TEST_CASE_FIXTURE(Fixture, "a coroutine handler is cancelled where it waits") {
    CoreMachine machine(options(1));
    const auto id = machine.submit("plain", plain("endless", 3)).value();
    own_gate.pass();
    (void)machine.cancel(id);
    CHECK(machine.wait(id).value().status == JobStatus::cancelled);
  }

  TEST_CASE_FIXTURE(Fixture, "a job with a run_at waits for it, and can be cancelled before") {
    CoreMachine machine(options());
    SubmitOptions later;
    later.delay = Milliseconds{3'600'000};
    const auto id = machine.submit("plain", plain("ok", 1), later).value();
    CHECK(machine.job(id).value().status == JobStatus::scheduled);
    CHECK(machine.cancel(id).value().status == JobStatus::cancelled);
    SubmitOptions soon;
    soon.delay = Milliseconds{1};
    const auto due = machine.submit("plain", plain("ok", 1), soon).value();
    CHECK(machine.wait(due).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "subscribers see what happens in order, to the terminal event") {
    CoreMachine machine(options());
    std::mutex mutex;
    std::vector<JobEvent> events;
    std::promise<void> ended;
    const auto id = machine.submit("plain", plain("ok", 3, "create")).value();
    const auto subscription = machine.subscribe(id, [&](const JobEvent& event) {
      const std::lock_guard lock(mutex);
      events.push_back(event);
      if (event.name == "job.completed") ended.set_value();
    });
    own_gate.open();
    ended.get_future().wait();
    const std::lock_guard lock(mutex);
    std::vector<std::string> names;
    std::uint64_t last = 0;
    for (const auto& event : events) {
      CHECK(event.sequence > last);
      last = event.sequence;
      if (event.name != "progress") names.push_back(event.name);
      if (event.name == "stage.started") CHECK(event.data.at("tasks").at("queued") == 3);
      if (event.name == "stage.completed") CHECK(event.data.at("tasks").at("completed") == 3);
      CHECK(event.data.at("job_id").as_string() == id.str());
    }
    CHECK(names == std::vector<std::string>{"job.started", "stage.started", "stage.completed", "job.completed"});
  }

  TEST_CASE_FIXTURE(Fixture, "a listener that comes with the submission misses nothing") {
    CoreMachine machine(options());
    for (int i = 0; i < 20; ++i) {
      std::vector<std::string> names;
      std::promise<void> ended;
      SubmitOptions with;
      with.listener = [&](const JobEvent& event) {
        names.push_back(event.name);
        if (event.name == "job.completed") ended.set_value();
      };
      CHECK(machine.run("plain", plain("ok", 1), with).value().status == JobStatus::completed);
      ended.get_future().wait();
      std::erase(names, "progress");
      CHECK(names == std::vector<std::string>{"job.accepted", "job.started", "stage.started", "stage.completed",
                                              "job.completed"});
    }
  }

  TEST_CASE_FIXTURE(Fixture, "completion tokens work for submit and wait") {
    CoreMachine machine(options());
    asio::io_context context;
    auto done = asio::co_spawn(
        context,
        [&]() -> asio::awaitable<JobView> {
          SubmitOptions none;  // g++ 12 corrupts a braced argument within co_await
          const auto id = co_await async_submit(machine, "plain", plain("ok", 4), none, asio::use_awaitable);
          auto job = co_await async_wait(machine, id.value(), asio::use_awaitable);
          const auto other = co_await async_run(machine, "plain", plain("ok", 2), none, asio::use_awaitable);
          CHECK(other.value().result->at("n") == 2);
          co_return job.value();
        },
        asio::use_future);
    context.run();
    CHECK(done.get().result->at("n") == 4);
  }

  TEST_CASE_FIXTURE(Fixture, "many small jobs from many threads all complete") {
    CoreMachine machine(options());
    std::atomic<int> completed{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i)
          completed += machine.run("plain", plain("ok", i % 40)).value().status == JobStatus::completed;
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(completed == 400);
  }

  TEST_CASE_FIXTURE(Fixture, "stopping drains: what runs ends, what waits is refused") {
    CoreMachine machine(options(1));
    const auto id = machine.submit("plain", plain("wait", 3)).value();
    own_gate.await_waiting(1);
    std::promise<Result<JobView>> told;
    machine.wait_then(id, [&](Result<JobView> job) { told.set_value(std::move(job)); });
    std::thread stopper([&] { machine.stop(); });
    own_gate.open();
    stopper.join();
    const auto answer = told.get_future().get();
    CHECK((answer.has_value() || answer.error().code == ErrorCode::draining));
    CHECK(machine.submit("plain", plain("ok", 1)).error().code == ErrorCode::draining);
  }

  TEST_CASE_FIXTURE(Fixture, "what still runs after the drain limit is told to end, and counts as not run") {
    const support::TemporaryDirectory directory;
    const auto store = "sqlite:" + directory.path() + "/store.db";
    JobId in_handler, in_task;
    {
      auto with = options(1);
      with.store = store;
      with.drain_limit = Milliseconds{1};
      CoreMachine machine(with);
      in_handler = machine.submit("polite", {}).value();
      own_gate.await_waiting(1);
      in_task = machine.submit("plain", plain("polite", 1)).value();
      own_gate.await_waiting(2);
      machine.stop();
    }
    own_gate.open();  // from now on they do not wait for an end
    auto with = options(1);
    with.store = store;
    CoreMachine machine(with);
    CHECK(machine.wait(in_handler).value().result->at("n") == 1);
    CHECK(machine.wait(in_task).value().result->at("n") == 1);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "a submission with the same idempotency key is the first one, in a race and after a restart too") {
    const support::TemporaryDirectory directory;
    auto with = options();
    with.store = "sqlite:" + directory.path() + "/store.db";
    JobId first;
    {
      CoreMachine machine(with);
      std::vector<std::thread> threads;
      std::mutex mutex;
      std::set<std::string> ids;
      std::atomic<int> fresh{0};
      for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
          const auto accepted = machine.accept("plain", plain("ok", 2), {.idempotency_key = "order-7"}).value();
          fresh += accepted.existing ? 0 : 1;
          const std::lock_guard lock(mutex);
          ids.insert(accepted.job.str());
          first = accepted.job;
        });
      }
      for (auto& thread : threads) thread.join();
      CHECK(ids.size() == 1);
      CHECK(fresh == 1);
      CHECK(machine.wait(first).value().status == JobStatus::completed);
      // The order of keys and how a number is written do not matter.
      const json::object same{{"count", 2.0}, {"task", "ok"}};
      CHECK(machine.accept("plain", same, {.idempotency_key = "order-7"}).value().job == first);
      CHECK(machine.submit("plain", plain("ok", 3), {.idempotency_key = "order-7"}).error().code ==
            ErrorCode::key_conflict);
      CHECK(machine.submit("patient", plain("ok", 2), {.idempotency_key = "order-7"}).error().code ==
            ErrorCode::key_conflict);
      CHECK(machine.accept("plain", plain("ok", 2), {.idempotency_key = "order-8"}).value().job != first);
    }
    CoreMachine machine(with);
    const auto again = machine.accept("plain", plain("ok", 2), {.idempotency_key = "order-7"}).value();
    CHECK(again.existing);
    CHECK(again.job == first);
    // A deleted job takes its key along.
    CHECK(machine.remove(first).has_value());
    CHECK_FALSE(machine.accept("plain", plain("ok", 2), {.idempotency_key = "order-7"}).value().existing);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "a job type that is unique by params runs once while that one is not over or has completed") {
    CoreMachine machine(options());
    const auto first = machine.submit("unique", plain("ok", 2, "create")).value();
    CHECK(machine.accept("unique", plain("ok", 2, "create")).value().job == first);
    own_gate.open();
    CHECK(machine.wait(first).value().status == JobStatus::completed);
    CHECK(machine.accept("unique", plain("ok", 2, "create")).value().existing);
    CHECK(machine.run("unique", plain("ok", 2, "create")).value().id == first);
    CHECK(machine.submit("unique", plain("ok", 3)).value() != first);
    // A key that was given for it is its key.
    CHECK(machine.accept("unique", plain("ok", 2, "create"), {.idempotency_key = "u"}).value().job == first);
    CHECK(machine.submit("unique", plain("ok", 4), {.idempotency_key = "u"}).error().code == ErrorCode::key_conflict);
    // One that failed is released.
    const auto failing = machine.run("unique", plain("ok", 1, "throw")).value();
    CHECK(failing.status == JobStatus::failed);
    CHECK(machine.submit("unique", plain("ok", 1, "throw")).value() != failing.id);
  }

  TEST_CASE_FIXTURE(Fixture, "a wait that is given up is answered with the job as it is, and once") {
    CoreMachine machine(options());
    using Until = CoreMachine::Until;
    std::promise<Result<Submitted>> accepted, started;
    machine.start_then("plain", plain("wait", 1), {}, Until::accepted,
                       [&](Result<Submitted> job) { accepted.set_value(std::move(job)); });
    const auto first = accepted.get_future().get().value();
    CHECK_FALSE(first.existing);
    CHECK(first.job.view().params == plain("wait", 1));
    CHECK_FALSE(is_terminal(first.job.status()));
    own_gate.await_waiting(1);

    auto waiting = machine.start_then("unique", plain("wait", 1), {}, Until::over,
                                      [&](Result<Submitted> job) { started.set_value(std::move(job)); });
    own_gate.await_waiting(2);
    waiting.give_up();
    waiting.give_up();
    const auto second = started.get_future().get().value();
    CHECK(second.job.status() == JobStatus::running);
    std::promise<Result<JobView>> over, again;
    auto never = machine.wait_then(second.job.id(), [&](Result<JobView> job) { over.set_value(std::move(job)); });
    machine.wait_then(second.job.id(), [&](Result<JobView> job) { again.set_value(std::move(job)); }).give_up();
    CHECK(again.get_future().get().value().status == JobStatus::running);
    CHECK(machine.wait(second.job.id(), Milliseconds{1}).error().code == ErrorCode::timed_out);
    own_gate.open();
    CHECK(over.get_future().get().value().status == JobStatus::completed);
    never.give_up();  // too late: nothing happens

    std::promise<Result<Submitted>> repeated;
    machine.start_then("unique", plain("wait", 1), {}, Until::over,
                       [&](Result<Submitted> job) { repeated.set_value(std::move(job)); });
    const auto third = repeated.get_future().get().value();
    CHECK(third.existing);
    CHECK(third.job.id() == second.job.id());
  }

  TEST_CASE_FIXTURE(Fixture, "what a job that is over cannot do is said with its status") {
    CoreMachine machine(options());
    const auto job = machine.run("plain", plain("ok", 1)).value().id;
    for (const auto& refused : {machine.cancel(job), machine.pause(job), machine.resume(job), machine.retry(job),
                                machine.signal(job, "go")}) {
      REQUIRE(refused.has_error());
      CHECK(refused.error().code == ErrorCode::wrong_state);
      CHECK(refused.error().message.find("completed") != std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a job that is over can be deleted, and one that runs cannot") {
    CoreMachine machine(options());
    const auto running = machine.submit("plain", plain("wait", 1)).value();
    own_gate.await_waiting(1);
    CHECK(machine.remove(running).error().code == ErrorCode::wrong_state);
    own_gate.open();
    CHECK(machine.wait(running).has_value());
    CHECK(machine.remove(running).has_value());
    CHECK(machine.job(running).error().code == ErrorCode::unknown_job);
    CHECK(machine.retry(running).error().code == ErrorCode::unknown_job);
    CHECK(machine.remove(running).error().code == ErrorCode::unknown_job);
  }

  TEST_CASE_FIXTURE(Fixture, "jobs are deleted when they have been kept long enough, and only those") {
    const support::TemporaryDirectory directory;
    auto with = options();
    with.store = "sqlite:" + directory.path() + "/store.db";
    JobId completed, failed;
    {
      CoreMachine machine(with);
      completed = machine.run("plain", plain("ok", 2000)).value().id;
      failed = machine.run("plain", plain("ok", 1, "throw")).value().id;
    }
    with.retention = {{JobStatus::completed, Milliseconds{0}}};
    CoreMachine machine(with);
    while (machine.job(completed).has_value()) std::this_thread::yield();
    CHECK(machine.job(failed).has_value());
    CHECK(machine.job(completed).error().code == ErrorCode::unknown_job);
  }

  TEST_CASE_FIXTURE(Fixture, "limits are in force at once, and after a restart") {
    const support::TemporaryDirectory directory;
    auto with = options();
    with.store = "sqlite:" + directory.path() + "/store.db";
    {
      CoreMachine machine(with);
      CHECK(machine.set_limit("okk", {.max_concurrency = 1}).error().message.find("nearest: ok") != std::string::npos);
      CHECK(machine.set_limit("ok", {.burst = 1}).error().code == ErrorCode::invalid_argument);
      CHECK(machine.set_limit("ok", {.paused = true}).has_value());
      CHECK(machine.limits().at("ok").paused);
    }
    CoreMachine machine(with);
    const auto job = machine.submit("plain", plain("ok", 2)).value();
    while (machine.job(job).value().stages.empty()) std::this_thread::yield();
    const auto reasons = machine.explain(job).value();
    REQUIRE_FALSE(reasons.empty());
    CHECK(reasons.back().code == ReasonCode::paused);
    CHECK(machine.set_limit("ok", {}).has_value());
    CHECK(machine.wait(job).value().status == JobStatus::completed);
    CHECK(machine.limits().empty());
    CHECK(machine.explain(job).value().empty());
  }

  TEST_CASE_FIXTURE(Fixture, "a job stays with the version that it was submitted with, and waits for it") {
    const support::TemporaryDirectory directory;
    auto with = options();
    with.store = "sqlite:" + directory.path() + "/store.db";
    JobId old;
    {
      CoreMachine machine(with);
      machine.set_limit("ok", {.paused = true}).value();
      old = machine.submit("plain", plain("ok", 3)).value();
      while (machine.job(old).value().stages.empty()) std::this_thread::yield();
    }
    JobRegistry newer;
    newer.add<SecondPlainJob>("plain", JobInfo{.version = "2"});
    with.jobs = &newer;
    {
      CoreMachine machine(with);
      machine.set_limit("ok", {}).value();
      while (machine.job(old).value().stages.at(0).tasks.completed < 3) std::this_thread::yield();
      const auto reasons = machine.explain(old).value();
      REQUIRE(reasons.size() == 1);
      CHECK(reasons[0].code == ReasonCode::no_worker);
      CHECK(reasons[0].detail.find("version 1 of the job type \"plain\", and this program has only 2") !=
            std::string::npos);
    }
    JobRegistry both;
    both.add<SecondPlainJob>("plain", JobInfo{.version = "2"}).add<PlainJob>("plain");
    with.jobs = &both;
    CoreMachine machine(with);
    CHECK(machine.wait(old).value().result->at("n") == 3);
    CHECK(machine.run("plain", plain("ok", 1)).value().result->at("version") == 2);
  }

  TEST_CASE_FIXTURE(Fixture, "a machine with nothing to do makes no wake-ups") {
#ifdef __SANITIZE_THREAD__
    MESSAGE("SKIPPED: the sanitizer has a thread of its own, which wakes up");
    return;
#endif
    CoreMachine machine(options());
    CHECK(machine.run("plain", plain("ok", 2000)).value().status == JobStatus::completed);
    // What the last job left armed may fire once; then there is silence.
    std::uint64_t before = 0;
    bool silent = false;
    for (int tries = 0; tries < 20 && !silent; ++tries) {
      before = voluntary_switches();
      std::promise<void> never;
      never.get_future().wait_for(std::chrono::milliseconds(150));
      silent = voluntary_switches() == before;
    }
    CHECK(silent);
  }

  TEST_CASE_FIXTURE(Fixture, "the registries are frozen while a machine uses them") {
    CoreMachine machine(options());
    CHECK_THROWS_AS(tasks.add("late", [](const json::object&) -> TaskResult { return {}; }), Failure);
    CHECK_THROWS_AS(jobs.add<PlainJob>("late"), Failure);
    CHECK_THROWS_AS(jobs.clear(), Failure);
  }
}
