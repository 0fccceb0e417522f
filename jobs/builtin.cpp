#include "jobs/builtin.hpp"

#include "handlers/analyze_blob.hpp"
#include "handlers/echo.hpp"
#include "handlers/greet.hpp"
#include "handlers/list_blobs.hpp"
#include "jobs/execute_task.hpp"
#include "jobs/fan_out.hpp"
#include "jobs/hello_world.hpp"
#include "jobs/list_container.hpp"
#include "jobs/raster/raster.hpp"

namespace coremachine {

void register_builtin_jobs(JobRegistry& jobs, TaskRegistry& tasks) {
  jobs.add<builtin::HelloWorldJob>("hello_world", builtin::HelloWorldJob::info())
      .add<builtin::ListContainerJob>("list_container", builtin::ListContainerJob::info())
      .add<builtin::FanOutJob>("fan_out", builtin::FanOutJob::info())
      .add<builtin::ExecuteTaskJob>(std::string(builtin::execute_task), builtin::ExecuteTaskJob::info());
  tasks.add("greet", builtin::greet, builtin::greet_info())
      .add("list_blobs", builtin::list_blobs, builtin::list_blobs_info())
      .add("analyze_blob", builtin::analyze_blob, builtin::analyze_blob_info())
      .add("plan", builtin::plan, builtin::plan_info())
      .add("echo", builtin::echo, builtin::echo_info());
  register_raster_jobs(jobs, tasks);
}

}  // namespace coremachine
