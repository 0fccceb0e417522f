// Tasks that fail. A failure is tried again, a few times and with growing delays, as the retry policy says; a
// permanent one is not. When a task is out of attempts, the join of its stage decides: the default, JoinAll, ends the
// job `failed`; a tolerant one lets it go on with what there is, and the job ends `completed_with_errors`.
#include <coremachine/coremachine.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace coremachine;

struct Fetch : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (const auto& page : context.job_params().at("pages").as_array()) tasks.push_back({"fetch", {{"page", page}}});
    return tasks;
  }

  // Asked before the tasks of the stage are created.
  StagePolicy stage_policy(int, const JobContext& context) const override {
    StagePolicy policy;
    policy.retry = RetryPolicy{.max_attempts = 3, .first_delay = Milliseconds{5}, .factor = 2.0};
    if (context.job_params().contains("tolerate")) {
      policy.join = JoinTolerateCount{context.job_params().at("tolerate").to_number<std::uint64_t>()};
    }
    return policy;
  }

  json::object aggregate_stage_results(int, const StageResults& results) const override {
    json::array fetched, failed;
    for (const auto& page : results) fetched.push_back(page);
    for (const auto& failure : results.failures()) {
      failed.push_back(json::object{{"task", failure.index}, {"attempt", failure.attempt}, {"why", failure.message}});
    }
    return {{"fetched", fetched}, {"failed", failed}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("fetch", Fetch);

TaskResult fetch(const json::object& params, TaskContext& context) {
  const auto page = std::string(params.at("page").as_string());
  // An exception is a failure that is tried again …
  if (page == "slow" && context.attempt() < 3) throw std::runtime_error("timed out");
  if (page == "down") throw std::runtime_error("no answer");
  // … and this is one that is not.
  if (page == "gone") return TaskFailure{.message = "no such page", .kind = TaskFailure::Kind::permanent};
  return json::value(page + ", attempt " + std::to_string(context.attempt()));
}
COREMACHINE_TASK("fetch", fetch);

void show(const JobView& job) {
  std::cout << to_string(job.status) << '\n';
  if (job.result) std::cout << "  result: " << *job.result << '\n';
  if (!job.error) return;
  std::cout << "  " << to_string(job.error->code) << ": task " << job.error->task_index.value() << ", attempt "
            << job.error->attempt.value() << ": " << job.error->message << '\n';
}

int main() {
  CoreMachine machine;
  show(machine.run("fetch", {{"pages", {"fast", "slow"}}}).value());
  show(machine.run("fetch", {{"pages", {"gone", "fast"}}}).value());
  show(machine.run("fetch", {{"pages", {"fast", "gone", "slow", "down"}}, {"tolerate", 2}}).value());
  show(machine.run("fetch", {{"pages", {"fast", "gone"}}, {"tolerate", 0}}).value());
}
