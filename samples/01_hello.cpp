// The smallest job: one stage with one task. A job type says which tasks a stage has and what becomes of their
// results; a task is a function from JSON to JSON. The machine calls both.
#include <coremachine/coremachine.hpp>

#include <iostream>

using namespace coremachine;

struct Hello : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {{"greet"}}; }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"said", results[0]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("hello", Hello);

TaskResult greet(const json::object&) {
  return json::value("Hello");
}
COREMACHINE_TASK("greet", greet);

int main() {
  CoreMachine machine;
  const auto job = machine.run("hello").value();
  std::cout << to_string(job.status) << ": " << *job.result << '\n';
}
