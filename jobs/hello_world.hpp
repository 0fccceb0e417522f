#pragma once

#include <coremachine/registry/typed.hpp>

#include "handlers/greet.hpp"

namespace coremachine::builtin {

/// `{"message": text}`, by default `Hello` → `{"greeting": text}`: one stage with one `greet`.
struct HelloWorldJob : TypedJobHandler<GreetParams> {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
};

}  // namespace coremachine::builtin
