#include "triggers/cli/bench/bench_jobs.hpp"

#include "handlers/greet.hpp"
#include "jobs/hello_world.hpp"

namespace coremachine::cli {
namespace {

struct CautiousHello : builtin::HelloWorldJob {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    auto tasks = HelloWorldJob::create_stage_tasks(stage, context);
    for (auto& task : tasks) task.task_type = "greet_not_pure";
    return tasks;
  }
};

}  // namespace

void register_bench_jobs(JobRegistry& jobs, TaskRegistry& tasks) {
  jobs.add<CautiousHello>("hello_world_not_pure");
  auto info = builtin::greet_info();
  info.pure = false;
  tasks.add("greet_not_pure", builtin::greet, info);
}

}  // namespace coremachine::cli
