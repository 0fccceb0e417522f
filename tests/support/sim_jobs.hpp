#pragma once

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

namespace coremachine::support {

/// A job for tests, whose whole course its params decide:
/// `stages`: [{"width": n, "join": "all" | "best_effort" | {"at_least": n} | {"tolerate": n}, "fail": f, "every": e,
/// "max_concurrency": c, "lazy": true}]: every e-th task fails its first f attempts (three attempts are allowed).
/// `sim_fold` is the same with stages that fold.
/// Result: {"sums": [sum of the indexes that completed, for each stage], "failed": [count, for each stage]}.
void register_sim_jobs(JobRegistry& jobs, TaskRegistry& tasks);

}  // namespace coremachine::support
