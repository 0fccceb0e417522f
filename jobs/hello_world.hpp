#pragma once

#include <coremachine/registry/job_registry.hpp>

namespace coremachine::builtin {

/// `{"message": text}`, by default `Hello` → `{"greeting": text}`: one stage with one `greet`.
struct HelloWorldJob : JobHandler {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
};

}  // namespace coremachine::builtin
