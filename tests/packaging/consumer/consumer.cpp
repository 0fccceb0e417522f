// The smallest program outside the tree: one job type of one task, run in memory.
#include <coremachine/coremachine.hpp>

#include <iostream>

namespace json = boost::json;

struct Hello : coremachine::JobHandler {
  std::vector<coremachine::TaskDefinition> create_stage_tasks(int,
                                                              const coremachine::JobContext& context) const override {
    return {{"greet", context.job_params()}};
  }
  json::object aggregate_stage_results(int, const coremachine::StageResults& results) const override {
    return {{"greeting", results[0]}};
  }
  bool should_advance_stage(int, const coremachine::JobContext&) const override { return false; }
  json::object get_final_result(const coremachine::JobContext& context) const override {
    return context.stage_result(1);
  }
};

int main() {
  coremachine::JobRegistry jobs;
  coremachine::TaskRegistry tasks;
  jobs.add<Hello>("hello");
  tasks.add("greet", [](const json::object& params) -> coremachine::TaskResult {
    return json::value("Hello, " + std::string(params.at("name").as_string()));
  });
  coremachine::CoreMachine machine({.jobs = &jobs, .tasks = &tasks});
  std::cout << machine.run("hello", {{"name", "x"}}).value().result.value() << '\n';
}
