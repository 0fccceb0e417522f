// What a running machine logs, counts, and shows of itself.

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <coremachine/coremachine.hpp>
#include <coremachine/registry/coroutine_handler.hpp>

#include "core/machine/step.hpp"
#include "core/model/record.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;
namespace asio = boost::asio;

const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Keeps what is written, and lets tests wait for it.
class Kept final : public LogSink {
 public:
  void write(LogRecord record) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
    came_.notify_all();
  }
  std::vector<LogRecord> all(std::string_view message) {
    const std::lock_guard lock(mutex_);
    std::vector<LogRecord> found;
    for (const auto& record : records_) {
      if (record.message == message) found.push_back(record);
    }
    return found;
  }
  LogRecord await(std::string_view message) {
    std::unique_lock lock(mutex_);
    const LogRecord* found = nullptr;
    came_.wait(lock, [&] {
      for (const auto& record : records_) {
        if (record.message == message) found = &record;
      }
      return found != nullptr;
    });
    return *found;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return records_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<LogRecord> records_;
};

std::string text_of(const LogRecord& record, std::string_view name) {
  for (const auto& field : record.fields) {
    if (field.name != name) continue;
    if (const auto* text = std::get_if<std::string>(&field.value)) return *text;
    if (const auto* number = std::get_if<std::uint64_t>(&field.value)) return std::to_string(*number);
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) return std::to_string(*number);
  }
  return {};
}

/// Where handlers wait until the test lets them go.
struct Gate {
  void pass() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
  }
  void await_waiting(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting >= count; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool open = false;
};

/// `count` tasks of type `task`; whatever fails is tolerated unless `strict`.
struct PlainJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (std::int64_t i = 0; i < context.job_params().at("count").as_int64(); ++i)
      tasks.push_back({std::string(context.job_params().at("task").as_string()), {{"i", i}}});
    return tasks;
  }
  StagePolicy stage_policy(int, const JobContext& context) const override {
    if (context.job_params().contains("strict")) return {};
    return {.join = JoinBestEffort{}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"n", results.size()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

struct Fixture {
  Fixture() {
    jobs.add<PlainJob>("plain");
    const RetryPolicy twice{.max_attempts = 2, .first_delay = Milliseconds{1}, .jitter = false};
    tasks.add("ok", [](const json::object& params) -> TaskResult { return {{"i", params.at("i")}}; });
    tasks.add(
        "odd",
        [](const json::object& params, TaskContext& context) -> TaskResult {
          const auto i = params.at("i").to_number<int>();
          if (i % 4 == 1 || (i % 4 == 3 && context.attempt() == 1)) return TaskFailure{"odd", "it is odd"};
          return {{"i", i}};
        },
        TaskInfo{.retry = twice});
    tasks.add("wait", [this](const json::object&, TaskContext&) -> TaskResult {
      gate.pass();
      return {{"done", true}};
    });
    tasks.add("tell", [](const json::object&, TaskContext& context) -> TaskResult {
      context.log(LogLevel::warn, "from the handler", {{"extra", 7}});
      return {{"traceparent", std::string(context.traceparent())}};
    });
    tasks.add("pending", [this](const json::object& params, TaskContext&) { return pending(params); });
    tasks.add(
        "off", [](const json::object&) -> TaskResult { return {}; }, TaskInfo{.enabled = false});
  }
  ~Fixture() { gate.let_go(); }

  /// Every third one waits for what never comes, until it is cancelled.
  asio::awaitable<TaskResult> pending(const json::object& params) {
    const auto i = params.at("i").to_number<int>();
    auto executor = co_await asio::this_coro::executor;
    if (i % 3 == 0) {
      asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
      co_await timer.async_wait(asio::use_awaitable);
    }
    auto result = json::object{{"i", i}};
    co_return TaskResult(std::move(result));
  }

  MachineOptions options(LogLevel level = LogLevel::debug) {
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.workers = 2;
    options.logger = std::make_shared<Logger>(kept, level);
    return options;
  }
  static json::object plain(std::string_view task, int count) { return {{"task", task}, {"count", count}}; }

  std::shared_ptr<Kept> kept = std::make_shared<Kept>();
  JobRegistry jobs;
  TaskRegistry tasks;
  Gate gate;
};

/// The series of one name, by their labels as text.
std::map<std::string, MetricSample> series(const std::vector<Metric>& metrics, std::string_view name) {
  std::map<std::string, MetricSample> found;
  for (const auto& metric : metrics) {
    if (metric.name != name) continue;
    for (const auto& sample : metric.samples) {
      std::string labels;
      for (const auto& [label, value] : sample.labels) labels += (labels.empty() ? "" : ",") + label + "=" + value;
      found[labels] = sample;
    }
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

std::uint64_t observations(const MetricSample& histogram) {
  std::uint64_t sum = 0;
  for (const auto count : histogram.counts) sum += count;
  return sum;
}

const QueueStatus& queue_of(const std::vector<QueueStatus>& queues, std::string_view name) {
  for (const auto& queue : queues) {
    if (queue.name == name) return queue;
  }
  FAIL("there is no queue " << name);
  return queues.front();
}

}  // namespace

TEST_SUITE("telemetry: metrics of a machine") {
  TEST_CASE_FIXTURE(Fixture, "every job, task, attempt and commit is counted once") {
    CoreMachine machine(options(LogLevel::off));
    std::vector<JobId> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(machine.run("plain", plain("ok", 100)).value().id);
    // Of 40: 20 even, 10 fail twice, 10 fail once.
    ids.push_back(machine.run("plain", plain("odd", 40)).value().id);
    auto strict = plain("odd", 2);
    strict["strict"] = true;
    const auto failed = machine.run("plain", strict).value();
    CHECK(failed.status == JobStatus::failed);
    const auto metrics = machine.metrics();

    CHECK(series(metrics, "coremachine_jobs_accepted_total").at("job_type=plain").value == 5);
    auto ended = series(metrics, "coremachine_jobs_ended_total");
    CHECK(ended.at("job_type=plain,status=completed").value == 3);
    CHECK(ended.at("job_type=plain,status=completed_with_errors").value == 1);
    CHECK(ended.at("job_type=plain,status=failed").value == 1);
    CHECK(ended.at("job_type=plain,status=dead").value == 0);
    CHECK(series(metrics, "coremachine_jobs_unfinished").at("").value == 0);

    auto tasks_ended = series(metrics, "coremachine_tasks_ended_total");
    CHECK(tasks_ended.at("task_type=ok,status=completed").value == 300);
    CHECK(tasks_ended.at("task_type=odd,status=completed").value == 31);
    CHECK(tasks_ended.at("task_type=odd,status=failed").value == 11);
    CHECK(tasks_ended.at("task_type=other,status=completed").value == 0);
    CHECK(series(metrics, "coremachine_task_attempts_failed_total").at("task_type=odd").value == 32);
    for (const auto* name : {"coremachine_task_duration_seconds", "coremachine_schedule_to_start_seconds"}) {
      CAPTURE(name);
      auto histograms = series(metrics, name);
      CHECK(observations(histograms.at("task_type=ok")) == 300);
      CHECK(observations(histograms.at("task_type=odd")) == 40 + 20 + 2 + 1);
      CHECK(observations(histograms.at("task_type=wait")) == 0);
      CHECK(histograms.at("task_type=odd").sum >= 0);
    }
    // One call opens the stage, one closes it; a job that fails its join is not asked again.
    CHECK(observations(series(metrics, "coremachine_boundary_duration_seconds").at("job_type=plain")) == 9);
    const auto commits = observations(series(metrics, "coremachine_commit_duration_seconds").at(""));
    CHECK(commits > 0);
    CHECK(observations(series(metrics, "coremachine_commit_rows").at("")) == commits);
    CHECK(series(metrics, "coremachine_store_failed").at("").value == 0);
    CHECK(series(metrics, "coremachine_log_records_dropped_total").at("").value == 0);
    CHECK(series(metrics, "coremachine_build_info").size() == 1);
    CHECK(series(metrics, "coremachine_tasks_queued").at("task_type=ok").value == 0);

    // Labels are types and statuses, of which there are few; never anything that grows with the jobs.
    std::set<std::string> types{"other", "plain"};
    for (const auto& info : tasks.list_all_info()) types.insert(info.name);
    for (const auto& metric : metrics) {
      for (const auto& sample : metric.samples) {
        for (const auto& [label, value] : sample.labels) {
          if (label == "job_type" || label == "task_type") CHECK(types.contains(value));
          CHECK((label == "job_type" || label == "task_type" || label == "status" || label == "version" ||
                 label == "compiler"));
        }
      }
    }
    const auto text = to_prometheus(metrics);
    for (const auto id : ids) CHECK(text.find(id.str()) == std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "what was cancelled and what is taken up again counts as that") {
    CoreMachine machine(options(LogLevel::off));
    auto params = plain("wait", 6);
    params["strict"] = true;
    const auto job = machine.submit("plain", params).value();
    gate.await_waiting(2);
    REQUIRE(machine.cancel(job).has_value());
    gate.let_go();
    CHECK(machine.wait(job).value().status == JobStatus::cancelled);
    auto metrics = machine.metrics();
    const auto done = series(metrics, "coremachine_tasks_ended_total").at("task_type=wait,status=completed").value;
    CHECK(done + series(metrics, "coremachine_tasks_cancelled_total").at("").value == 6);
    CHECK(series(metrics, "coremachine_jobs_ended_total").at("job_type=plain,status=cancelled").value == 1);
    REQUIRE(machine.retry(job).has_value());
    CHECK(machine.wait(job).value().status == JobStatus::completed);
    metrics = machine.metrics();
    CHECK(series(metrics, "coremachine_jobs_accepted_total").at("job_type=plain").value == 1);
    CHECK(series(metrics, "coremachine_jobs_retried_total").at("job_type=plain").value == 1);
    CHECK(series(metrics, "coremachine_tasks_ended_total").at("task_type=wait,status=completed").value == 6);
  }
}

TEST_SUITE("telemetry: queues and workers") {
  TEST_CASE_FIXTURE(Fixture, "what waits is in the queue of its type, what runs is with its worker") {
    CoreMachine machine(options(LogLevel::off));
    const auto job = machine.submit("plain", plain("wait", 50)).value();
    gate.await_waiting(2);
    REQUIRE(machine.set_limit("ok", {.paused = true}).has_value());
    const auto paused = machine.submit("plain", plain("ok", 20)).value();
    while (machine.job(paused).value().stages.empty() || queue_of(machine.queues().value(), "ok").depth < 20) {
    }
    const auto queues = machine.queues().value();
    const auto& waiting = queue_of(queues, "wait");
    CHECK(waiting.depth + waiting.running == 50);
    CHECK(waiting.running >= 2);
    CHECK(waiting.oldest_age.has_value() == (waiting.depth > 0));
    CHECK_FALSE(waiting.limit.paused);
    const auto& held = queue_of(queues, "ok");
    CHECK(held.depth == 20);
    CHECK(held.running == 0);
    CHECK(held.limit.paused);
    CHECK(held.oldest_age.has_value());
    CHECK(queue_of(queues, "off").disabled);
    CHECK(std::is_sorted(queues.begin(), queues.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
    const auto shown = to_json(held);
    CHECK(shown.at("name") == "ok");
    CHECK(shown.at("depth") == 20);
    CHECK(shown.at("paused") == true);
    CHECK(shown.at("oldest_age").is_number());
    CHECK(to_json(queue_of(queues, "odd")).at("oldest_age").is_null());

    const auto workers = machine.workers().value();
    REQUIRE(workers.size() == 1);
    const auto& worker = workers[0];
    CHECK(worker.concurrency == 2);
    CHECK(std::count(worker.task_types.begin(), worker.task_types.end(), "wait") == 1);
    CHECK(std::count(worker.task_types.begin(), worker.task_types.end(), "off") == 0);
    REQUIRE(worker.tasks.size() == 2);
    std::set<TaskIndex> indexes;
    for (const auto& task : worker.tasks) {
      CHECK(task.job == job);
      CHECK(task.task_type == "wait");
      CHECK(task.attempt == 1);
      CHECK(task.round == 1);
      REQUIRE(task.started_at.has_value());
      CHECK(*task.started_at <= worker.last_seen);
      CHECK(*task.started_at >= worker.connected_at - Milliseconds{1});
      indexes.insert(task.index);
    }
    CHECK(indexes.size() == 2);
    const auto json_of_worker = to_json(worker);
    CHECK(json_of_worker.at("running") == 2);
    CHECK(json_of_worker.at("tasks").as_array()[0].at("job_id") == json::value(job.str()));

    gate.let_go();
    REQUIRE(machine.set_limit("ok", {}).has_value());
    CHECK(machine.wait(job).value().status == JobStatus::completed);
    CHECK(machine.wait(paused).value().status == JobStatus::completed);
    for (const auto& queue : machine.queues().value()) CHECK(queue.depth == 0);
    CHECK(machine.workers().value()[0].tasks.empty());
  }

  TEST_CASE_FIXTURE(Fixture, "of coroutines those that have ended are not shown as running") {
    CoreMachine machine(options(LogLevel::off));
    const auto job = machine.submit("plain", plain("pending", 9)).value();
    while (machine.job(job).value().stages.empty() || machine.job(job).value().stages[0].tasks.completed < 6) {
    }
    std::set<TaskIndex> running;
    const auto workers = machine.workers().value();
    for (const auto& task : workers[0].tasks) running.insert(task.index);
    CHECK(running == std::set<TaskIndex>{0, 3, 6});
    REQUIRE(machine.cancel(job).has_value());
    CHECK(machine.wait(job).value().status == JobStatus::cancelled);
  }

  TEST_CASE_FIXTURE(Fixture, "the size of a store is that of its files, from the first commit on") {
    const support::TemporaryDirectory folder;
    auto with = options(LogLevel::off);
    with.store = "sqlite:" + folder.path() + "/a.db";
    CoreMachine machine(with);
    CHECK(machine.run("plain", plain("ok", 5)).has_value());
    CHECK(series(machine.metrics(), "coremachine_store_bytes").at("").value >= 4096);
  }

  TEST_CASE_FIXTURE(Fixture, "tasks of a type that this program does not have are queued, and no label of a metric") {
    const support::TemporaryDirectory folder;
    auto with = options(LogLevel::off);
    with.store = "sqlite:" + folder.path() + "/a.db";
    {
      CoreMachine machine(with);
      REQUIRE(machine.set_limit("ok", {.paused = true}).has_value());
      const auto job = machine.submit("plain", plain("ok", 7)).value();
      while (machine.job(job).value().stages.empty()) {
      }
    }
    JobRegistry same_jobs;
    same_jobs.add<PlainJob>("plain");
    TaskRegistry fewer;
    fewer.add("odd", [](const json::object&) -> TaskResult { return {}; });
    with.jobs = &same_jobs;
    with.tasks = &fewer;
    CoreMachine machine(with);
    const auto queues = machine.queues().value();
    CHECK(queue_of(queues, "ok").depth == 7);
    CHECK_FALSE(queue_of(queues, "ok").available);
    CHECK(queue_of(queues, "odd").available);
    const auto queued = series(machine.metrics(), "coremachine_tasks_queued");
    CHECK(queued.at("task_type=other").value == 7);
    CHECK_FALSE(queued.contains("task_type=ok"));
  }
}

TEST_SUITE("telemetry: the log of a machine") {
  TEST_CASE_FIXTURE(Fixture, "a failure is said once for its stage and once for its job; the rest is for debugging") {
    for (const auto level : {LogLevel::info, LogLevel::debug}) {
      CAPTURE(to_string(level));
      kept = std::make_shared<Kept>();
      CoreMachine machine(options(level));
      auto strict = plain("odd", 2);
      strict["strict"] = true;
      const auto job = machine.run("plain", strict, {.traceparent = trace}).value();
      CHECK(machine.run("plain", plain("ok", 10)).value().status == JobStatus::completed);
      machine.stop();

      const auto failures = kept->all("a task failed");
      REQUIRE(failures.size() == 1);
      CHECK(failures[0].level == LogLevel::info);
      CHECK(text_of(failures[0], "job_id") == job.id.str());
      CHECK(text_of(failures[0], "task_index") == "1");
      CHECK(text_of(failures[0], "task_type") == "odd");
      CHECK(text_of(failures[0], "attempt") == "2");
      CHECK(text_of(failures[0], "error") == "it is odd");
      CHECK(text_of(failures[0], "traceparent") == trace);
      auto ended = kept->all("job ended");
      std::erase_if(ended, [](const LogRecord& record) { return record.level != LogLevel::warn; });
      REQUIRE(ended.size() == 1);
      CHECK(text_of(ended[0], "job_id") == job.id.str());
      CHECK(text_of(ended[0], "status") == "failed");
      CHECK(text_of(ended[0], "code") == "task_failed");
      CHECK(text_of(ended[0], "error").find("it is odd") != std::string::npos);
      CHECK(text_of(ended[0], "traceparent") == trace);

      const auto debugs = level == LogLevel::debug ? 1U : 0U;
      CHECK(kept->all("job accepted").size() == 2 * debugs);
      CHECK(kept->all("job started").size() == 2 * debugs);
      CHECK(kept->all("stage started").size() == 2 * debugs);
      CHECK(kept->all("job ended").size() == 1 + debugs);
      CHECK(kept->all("an attempt failed").size() == 2 * debugs);
      CHECK(kept->all("the machine has started").size() == 1);
      CHECK(kept->all("the machine has stopped").size() == 1);
    }
  }

  TEST_CASE_FIXTURE(Fixture, "the level can change while the machine runs") {
    const auto with = options(LogLevel::warn);
    CoreMachine machine(with);
    CHECK(machine.run("plain", plain("ok", 3)).value().status == JobStatus::completed);
    CHECK(kept->size() == 0);
    with.logger->set_level(LogLevel::debug);
    const auto job = machine.run("plain", plain("ok", 3)).value().id;
    CHECK(text_of(kept->await("job accepted"), "job_id") == job.str());
    CHECK(text_of(kept->await("job ended"), "status") == "completed");
    with.logger->set_level(LogLevel::warn);
    machine.run("plain", plain("ok", 3)).value();
    CHECK(kept->all("job accepted").size() == 1);
  }

  TEST_CASE_FIXTURE(Fixture, "without a logger the machine speaks of itself alone") {
    std::mutex mutex;
    std::vector<std::string> lines;
    auto with = options();
    with.logger = nullptr;
    with.log = [&](std::string_view line) {
      const std::lock_guard lock(mutex);
      lines.emplace_back(line);
    };
    {
      CoreMachine machine(with);
      CHECK(machine.run("plain", plain("odd", 8)).has_value());
      CHECK(machine.run("plain", plain("tell", 1)).has_value());
    }
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("from the handler (job_id="));
    CHECK(lines[0].ends_with("task_type=tell, attempt=1, worker=local, extra=7)"));
  }
}

TEST_SUITE("telemetry: traces") {
  TEST_CASE_FIXTURE(Fixture, "the trace of a submission is with its job: shown, told, logged, and given to its tasks") {
    std::mutex mutex;
    std::vector<JobEvent> events;
    JobView job;
    {
      CoreMachine machine(options());
      SubmitOptions submit;
      submit.traceparent = trace;
      submit.listener = [&](const JobEvent& event) {
        const std::lock_guard lock(mutex);
        events.push_back(event);
      };
      job = machine.run("plain", plain("tell", 1), submit).value();
      CHECK(machine.job(job.id).value().traceparent == trace);  // read back from the store
    }
    CHECK(job.traceparent == trace);
    CHECK(to_json(job).at("traceparent") == json::value(trace));
    REQUIRE(events.size() >= 4);
    for (const auto& event : events) CHECK(event.data.at("traceparent") == json::value(trace));
    const auto said = kept->await("from the handler");
    CHECK(said.level == LogLevel::warn);
    CHECK(text_of(said, "traceparent") == trace);
    CHECK(text_of(said, "job_id") == job.id.str());
    CHECK(text_of(said, "task_index") == "0");
    CHECK(text_of(said, "extra") == "7");
  }

  TEST_CASE_FIXTURE(Fixture, "it is still there after a restart, in the middle of the job") {
    const support::TemporaryDirectory folder;
    auto with = options(LogLevel::warn);
    with.store = "sqlite:" + folder.path() + "/a.db";
    JobId id;
    {
      CoreMachine machine(with);
      REQUIRE(machine.set_limit("tell", {.paused = true}).has_value());
      id = machine.submit("plain", plain("tell", 1), {.traceparent = trace}).value();
      while (machine.job(id).value().stages.empty()) {
      }
    }
    CHECK(kept->all("from the handler").empty());
    CoreMachine machine(with);
    REQUIRE(machine.set_limit("tell", {}).has_value());
    CHECK(machine.wait(id).value().traceparent == trace);
    CHECK(text_of(kept->await("from the handler"), "traceparent") == trace);
  }

  TEST_CASE_FIXTURE(Fixture, "a job without one has no sign of it, and what is none does not keep a job from running") {
    CoreMachine machine(options());
    for (const auto& given : {std::string(), std::string("nonsense"), trace.substr(1)}) {
      CAPTURE(given);
      const auto job = machine.run("plain", plain("tell", 1), {.traceparent = given}).value();
      CHECK(job.status == JobStatus::completed);
      CHECK(job.traceparent.empty());
      CHECK_FALSE(to_json(job).contains("traceparent"));
    }
    for (const auto& record : kept->all("from the handler")) CHECK(text_of(record, "traceparent").empty());
    Job job;
    job.params = make_text("{}");
    CHECK(encode_job(job).state.find("trace") == std::string::npos);
  }
}
