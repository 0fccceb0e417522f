#pragma once

#include <memory>

#include <coremachine/registry/task_registry.hpp>

namespace coremachine {

/// How a task handler is called: one of the two is there.
struct TaskCallable {
  TaskFunction function = {};
  std::shared_ptr<const CoroutineHandler> coroutine = {};
};

}  // namespace coremachine
