#include "tests/support/sim_jobs.hpp"

#include <string>

namespace coremachine::support {
namespace {

const json::object& stage_params(const JobContext& context, int stage) {
  return context.job_params().at("stages").as_array().at(static_cast<std::size_t>(stage) - 1).as_object();
}

std::uint64_t number(const json::object& object, const char* key, std::uint64_t otherwise) {
  const auto* value = object.if_contains(key);
  return value ? value->to_number<std::uint64_t>() : otherwise;
}

struct SimJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    const auto& params = stage_params(context, stage);
    const auto fail = number(params, "fail", 0);
    const auto every = number(params, "every", 1);
    std::vector<TaskDefinition> tasks;
    for (std::uint64_t i = 0; i < number(params, "width", 1); ++i) {
      TaskDefinition task{"sim.work", {{"i", i}}};
      if (fail > 0 && i % every == 0) task.parameters["fail"] = fail;
      tasks.push_back(std::move(task));
    }
    return tasks;
  }

  StagePolicy stage_policy(int stage, const JobContext& context) const override {
    const auto& params = stage_params(context, stage);
    StagePolicy policy;
    policy.max_concurrency = static_cast<std::uint32_t>(number(params, "max_concurrency", 0));
    policy.retry = RetryPolicy{3, Milliseconds{100}, 2.0, Milliseconds{1000}, true};
    if (const auto* join = params.if_contains("join")) {
      if (join->is_string()) {
        if (join->as_string() == "best_effort") policy.join = JoinBestEffort{};
      } else if (const auto* least = join->as_object().if_contains("at_least")) {
        policy.join = JoinAtLeast{least->to_number<std::uint64_t>()};
      } else {
        policy.join = JoinTolerateCount{join->at("tolerate").to_number<std::uint64_t>()};
      }
    }
    return policy;
  }

  json::object aggregate_stage_results(int, const StageResults& results) const override {
    std::uint64_t sum = 0;
    for (const auto& result : results) sum += result.at("i").to_number<std::uint64_t>();
    return {{"sum", sum}, {"failed", results.failed()}};
  }

  bool should_advance_stage(int stage, const JobContext& context) const override {
    return static_cast<std::size_t>(stage) < context.job_params().at("stages").as_array().size();
  }

  json::object get_final_result(const JobContext& context) const override {
    json::array sums, failed;
    for (std::size_t stage = 1; stage <= context.job_params().at("stages").as_array().size(); ++stage) {
      const auto& result = context.stage_result(static_cast<int>(stage));
      sums.push_back(result.at("sum"));
      failed.push_back(result.at("failed"));
    }
    return {{"sums", std::move(sums)}, {"failed", std::move(failed)}};
  }
};

TaskResult work(const json::object& params, TaskContext& context) {
  if (context.attempt() <= number(params, "fail", 0)) return TaskFailure{"sim", "fails on purpose"};
  return {{"i", params.at("i")}};
}

}  // namespace

void register_sim_jobs(JobRegistry& jobs, TaskRegistry& tasks) {
  jobs.add<SimJob>("sim");
  tasks.add("sim.work", work);
}

}  // namespace coremachine::support
