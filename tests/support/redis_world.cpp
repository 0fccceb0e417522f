#include "tests/support/redis_world.hpp"

#include <utility>

#include <doctest/doctest.h>

#include "core/worker/backoff.hpp"

namespace coremachine::support {
namespace {

struct StepsJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (std::int64_t i = 0; i < context.job_params().at("count").as_int64(); ++i)
      tasks.push_back({"redis.step", {{"i", i}}});
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    std::int64_t sum = 0;
    for (const auto& result : results) sum += result.as_int64();
    return {{"n", results.size()}, {"sum", sum}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

redis::PumpTimes quick_times() {
  redis::PumpTimes times;
  times.claims_within = Milliseconds{300};
  times.look_soon = Milliseconds{200};
  times.look_often = Milliseconds{500};
  times.look_strange = Milliseconds{500};
  times.without_redis = Milliseconds{300};
  times.seen_every = Milliseconds{500};
  times.pause = Milliseconds{100};
  times.waits_at_most = Milliseconds{1000};
  return times;
}

}  // namespace

redis::TransportTimes RedisWorker::quick() {
  redis::TransportTimes times;
  times.answer = Milliseconds{700};
  times.presence = Milliseconds{10'000};
  times.announce = Milliseconds{500};
  return times;
}

RedisWorker::RedisWorker(const RedisTarget& target, Step step, unsigned concurrency, std::string name,
                         redis::TransportTimes times) {
  tasks_.add("redis.step", [step = std::move(step)](const json::object& params, TaskContext& context) -> TaskResult {
    const auto index = params.at("i").as_int64();
    if (step) step(index, context);
    return json::value(index);
  });
  resolvers_.add("default", std::make_shared<TaskResolver>(tasks_));
  transport_ = std::make_shared<redis::Transport>(target, resolvers_, "default", times);
  WorkerOptions options;
  options.transport = transport_;
  options.tasks = &tasks_;
  options.name = std::move(name);
  options.concurrency = concurrency;
  options.grace = Milliseconds{300};
  options.drain_limit = Milliseconds{10'000};
  worker_ = std::make_unique<Worker>(std::move(options));
  thread_ = std::thread([this] { end_ = worker_->run(); });
}

RedisWorker::~RedisWorker() {
  worker_->drain();
  if (thread_.joinable()) thread_.join();
}

WorkerEnd RedisWorker::drain() {
  worker_->drain();
  thread_.join();
  return end_;
}

void RedisWorker::vanish() {
  transport_->interrupt();
  worker_->drain();
  worker_->hurry();
  thread_.join();
}

RedisMachine::RedisMachine(const RedisTarget& target, std::string store, Milliseconds term, unsigned local_workers,
                           Milliseconds server_term, const std::function<void(redis::PumpTimes&)>& change)
    : target_(target), times_(quick_times()) {
  if (change) change(times_);
  jobs_.add<StepsJob>("steps");
  tasks_.add("redis.step", [](const json::object& params, TaskContext&) -> TaskResult { return params.at("i"); });
  MachineOptions options;
  options.jobs = &jobs_;
  options.tasks = &tasks_;
  options.store = std::move(store);
  options.workers = local_workers;
  options.lease_term = term;
  options.server_term = server_term;
  options.log = [](std::string_view) {};
  machine_ = std::make_unique<CoreMachine>(std::move(options));
  start_pump();
}

void RedisMachine::start_pump() {
  pump_ = std::make_unique<redis::Pump>(*machine_, target_, nullptr, times_);
}

RedisMachine::~RedisMachine() {
  pump_.reset();
  machine_->stop();
}

JobId RedisMachine::submit(std::int64_t count, int priority) {
  SubmitOptions options;
  options.priority = priority;
  return machine_->submit("steps", {{"count", count}}, std::move(options)).value();
}

std::uint64_t RedisMachine::completed(JobId job) {
  const auto view = machine_->job(job).value();
  return view.stages.empty() ? 0 : view.stages.back().tasks.completed;
}

void RedisMachine::check_completed(JobId job, std::int64_t count) {
  const auto view = machine_->wait(job, Milliseconds{120'000});
  REQUIRE(view.has_value());
  CHECK(view->status == JobStatus::completed);
  REQUIRE(view->result.has_value());
  CHECK(view->result->at("n").to_number<std::int64_t>() == count);
  CHECK(view->result->at("sum").to_number<std::int64_t>() == count * (count - 1) / 2);
  REQUIRE(view->stages.size() == 1);
  CHECK(view->stages[0].tasks.completed == static_cast<std::uint64_t>(count));
  CHECK(view->stages[0].tasks.total == static_cast<std::uint64_t>(count));
  CHECK(view->stages[0].tasks.failed == 0);
}

}  // namespace coremachine::support
