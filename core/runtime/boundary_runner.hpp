#pragma once

#include <functional>
#include <string>
#include <variant>

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

  /// Nothing was decided: the disk has no room for what the functions returned. They are to be called again.
  struct NoRoom {};
  /// Nothing was decided: the store is broken, and the job is not to blame.
  struct StoreBroke {
    Error error;
  };
  using Outcome = std::variant<BoundaryDecided, NoRoom, StoreBroke>;
  /// Never throws for anything that the handler does.
  Outcome run(const machine::HandlerCall& call, std::function<bool()> cancelled) const;

 private:
  /// One call of the functions that are due.
  struct Run;
  void decide(Run& run) const;
  NextStage plan_stage(Run& run, int stage, const JobContext& context) const;
  MoreTasks pull_tasks(Run& run, const JobContext& context) const;
  json::object close_stage(Run& run) const;
  template <class What>
  Text text_of(Run& run, const json::object& value, const What& what) const;

  const JobRegistry& jobs_;
  const TaskRegistry& tasks_;
  const Store& store_;
  LargeValues& large_;
};

}  // namespace coremachine::runtime
