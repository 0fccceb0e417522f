// A module as the definitions of its target say: its name, which task it adds, by a macro or by its function.
#include <coremachine/module/module.hpp>

#include <stdexcept>

namespace json = boost::json;
using namespace coremachine;

namespace {

/// Says in which engine it was registered, by where that engine keeps its tasks.
TaskResult where(const json::object&) {
  return {{"same", TaskRegistry::instance().contains(TEST_TASK) && JobRegistry::instance().contains("hello_world")}};
}

#ifdef TEST_BY_MACRO
COREMACHINE_TASK(TEST_TASK, where, .description = "added by a macro");
#endif

struct Ask : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {{TEST_TASK}}; }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return results[0].as_object();
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

#ifdef TEST_UNDEFINED
}  // namespace
extern "C" void coremachine_nobody_defines_this();
namespace {
#endif

void register_all([[maybe_unused]] ModuleContext& context) {
#ifdef TEST_UNDEFINED
  coremachine_nobody_defines_this();
#endif
#ifdef TEST_THROWS
  throw std::runtime_error("there is no configuration");
#endif
#ifndef TEST_BY_MACRO
  context.tasks.add(TEST_TASK, where);
#endif
  context.jobs.add<Ask>(TEST_MODULE "_job");
}

}  // namespace

COREMACHINE_MODULE(TEST_MODULE, "1.0", register_all);
