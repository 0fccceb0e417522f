// A file of a user: nothing outside refers to anything in it.
#include <coremachine/coremachine.hpp>

namespace json = boost::json;
using namespace coremachine;

namespace {

struct Doubling : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    return {{"double", context.job_params()}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"doubled", results[0]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

TaskResult twice(const json::object& params) {
  return json::value(2 * params.at("number").as_int64());
}

COREMACHINE_JOB("doubling", Doubling, .description = "Doubles a number");
COREMACHINE_TASK("double", twice, .description = "Twice the number", .pure = true);

}  // namespace
