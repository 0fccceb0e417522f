#pragma once

#include <functional>

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

#include "core/machine/action.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// Calls the functions of job handlers that are due at a boundary and makes one event of what they return.
class BoundaryRunner {
 public:
  BoundaryRunner(const JobRegistry& jobs, const TaskRegistry& tasks, const Store& store, LargeValues& large)
      : jobs_(jobs), tasks_(tasks), store_(store), large_(large) {}

  /// Never throws for anything that the handler does.
  BoundaryDecided run(const machine::HandlerCall& call, std::function<bool()> cancelled) const;

 private:
  NextStage plan_stage(const machine::HandlerCall& call, int stage, const JobContext& context) const;
  MoreTasks pull_tasks(const machine::HandlerCall& call, const JobContext& context) const;
  json::object close_stage(const machine::HandlerCall& call) const;

  const JobRegistry& jobs_;
  const TaskRegistry& tasks_;
  const Store& store_;
  LargeValues& large_;
};

}  // namespace coremachine::runtime
