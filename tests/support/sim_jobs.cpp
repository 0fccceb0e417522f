#include "tests/support/sim_jobs.hpp"

#include <algorithm>
#include <stdexcept>
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
    std::vector<TaskDefinition> tasks;
    for (std::uint64_t i = 0; i < number(params, "width", 1); ++i) tasks.push_back(work(params, i));
    return tasks;
  }

  static TaskDefinition work(const json::object& stage, std::uint64_t i) {
    TaskDefinition task{"sim.work", {{"i", i}}};
    const auto fail = number(stage, "fail", 0);
    if (fail > 0 && i % number(stage, "every", 1) == 0) task.parameters["fail"] = fail;
    return task;
  }

  std::optional<json::value> pull_stage_tasks(int stage, const JobContext& context, const json::value& cursor,
                                              TaskSink& tasks) const override {
    const auto& params = stage_params(context, stage);
    const auto width = number(params, "width", 1);
    auto i = cursor.is_null() ? 0 : cursor.to_number<std::uint64_t>();
    // Never as many as would fill a chunk, so that there is a rest from one pull to the next.
    for (const auto until = std::min(width, i + 700); i < until; ++i) tasks.add(work(params, i));
    return i < width ? std::optional<json::value>(i) : std::nullopt;
  }

  StagePolicy stage_policy(int stage, const JobContext& context) const override {
    const auto& params = stage_params(context, stage);
    StagePolicy policy;
    policy.lazy = params.contains("lazy");
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

/// The same, its stages folded as they come.
struct FoldingSimJob : SimJob {
  struct Sum : StageFold {
    json::value init() const override { return {{"sum", 0}, {"seen", 0}}; }
    void step(json::value& folded, TaskIndex, const json::value& result) const override {
      add(folded, "sum", result.at("i").to_number<std::int64_t>());
      add(folded, "seen", 1);
    }
    void merge(json::value& folded, const json::value& other) const override {
      add(folded, "sum", other.at("sum").to_number<std::int64_t>());
      add(folded, "seen", other.at("seen").to_number<std::int64_t>());
    }
    json::object finish(const json::value& folded, const StageOutcome& outcome) const override {
      if (folded.at("seen").to_number<std::uint64_t>() != outcome.completed())
        throw std::runtime_error("a result was folded twice or never");
      return {{"sum", folded.at("sum")}, {"failed", outcome.failed()}};
    }
    static void add(json::value& folded, const char* name, std::int64_t more) {
      auto& number = folded.at(name);
      number = number.to_number<std::int64_t>() + more;
    }
  };
  std::unique_ptr<StageFold> make_fold(int) const override { return std::make_unique<Sum>(); }
};

}  // namespace

void register_sim_jobs(JobRegistry& jobs, TaskRegistry& tasks) {
  jobs.add<SimJob>("sim").add<FoldingSimJob>("sim_fold");
  tasks.add("sim.work", work);
}

}  // namespace coremachine::support
