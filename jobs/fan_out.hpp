#pragma once

#include <coremachine/registry/job_registry.hpp>

namespace coremachine::builtin {

/// As many `echo` tasks as asked for, with all that can be asked of them: the engine's load generator and smoke test.
/// → `{"count": tasks, "succeeded": …, "failed": …, "sum": of the i that succeeded}`.
struct FanOutJob : JobHandler {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
  StagePolicy stage_policy(int stage, const JobContext& context) const override;
  std::optional<json::value> pull_stage_tasks(int stage, const JobContext& context, const json::value& cursor,
                                              TaskSink& tasks) const override;
  std::unique_ptr<StageFold> make_fold(int stage) const override;
};

}  // namespace coremachine::builtin
