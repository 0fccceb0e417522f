#include "jobs/execute_task.hpp"

namespace coremachine::builtin {

void ExecuteTaskParams::rules(params::Fields<ExecuteTaskParams>& fields) {
  fields.doc("One task by itself");
  fields[&ExecuteTaskParams::task_name].doc("which task").check(is_valid_name, std::string(name_rule));
  fields[&ExecuteTaskParams::params].doc("the params of the task").by_default();
}

JobInfo ExecuteTaskJob::info() {
  return {.description = "Runs one task by itself, as POST /api/v1/tasks/{name}/$execute does",
          .tags = {"builtin", "task"},
          .stages = {"the task"}};
}

std::vector<TaskDefinition> ExecuteTaskJob::create_stage_tasks(int, const JobContext& context) const {
  auto task = params(context);
  return {TaskDefinition{std::move(task.task_name), std::move(task.params)}};
}

json::object ExecuteTaskJob::aggregate_stage_results(int, const StageResults& results) const {
  return {{"result", results[0]}};
}

bool ExecuteTaskJob::should_advance_stage(int, const JobContext&) const {
  return false;
}

json::object ExecuteTaskJob::get_final_result(const JobContext& context) const {
  return context.stage_result(1);
}

}  // namespace coremachine::builtin
