#pragma once

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

namespace coremachine {

/// Registers the jobs that come with CoreMachine, and their tasks. Throws Failure as the registries do.
void register_builtin_jobs(JobRegistry& jobs, TaskRegistry& tasks);

}  // namespace coremachine
