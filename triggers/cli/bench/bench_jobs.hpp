#pragma once

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

namespace coremachine::cli {

/// `hello_world_not_pure`: hello_world with a task that does not say it is pure.
void register_bench_jobs(JobRegistry& jobs, TaskRegistry& tasks);

}  // namespace coremachine::cli
