#pragma once

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

namespace coremachine {

/// Registers `stage_raster` and its tasks, or, in a program that was built without GDAL, why it is not there. GDAL
/// itself is loaded when a task needs it.
void register_raster_jobs(JobRegistry& jobs, TaskRegistry& tasks);

}  // namespace coremachine
