#pragma once

#include <string>

#include <coremachine/registry/typed.hpp>

namespace coremachine::builtin {

/// The name of the job type that runs one task by itself.
inline constexpr std::string_view execute_task = "execute_task";

struct ExecuteTaskParams {
  std::string task_name;
  json::object params;

  static void rules(params::Fields<ExecuteTaskParams>& fields);
};
BOOST_DESCRIBE_STRUCT(ExecuteTaskParams, (), (task_name, params))

/// `{"task_name": name, "params": {…}}` → `{"result": what the task returned}`: one stage with that one task.
struct ExecuteTaskJob : TypedJobHandler<ExecuteTaskParams> {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
};

}  // namespace coremachine::builtin
