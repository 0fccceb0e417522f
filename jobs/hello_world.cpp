#include "jobs/hello_world.hpp"

namespace coremachine::builtin {

JobInfo HelloWorldJob::info() {
  return {.description = "Greets: the smallest job there is",
          .tags = {"builtin", "greeting"},
          .stages = {"greet: says the message"}};
}

std::vector<TaskDefinition> HelloWorldJob::create_stage_tasks(int, const JobContext& context) const {
  return {TaskDefinition{"greet", params::to_json(params(context))}};
}

json::object HelloWorldJob::aggregate_stage_results(int, const StageResults& results) const {
  return {{"greeting", results[0].at("output")}};
}

bool HelloWorldJob::should_advance_stage(int, const JobContext&) const {
  return false;
}

json::object HelloWorldJob::get_final_result(const JobContext& context) const {
  return context.stage_result(1);
}

}  // namespace coremachine::builtin
