#pragma once

#include <coremachine/registry/task_registry.hpp>

namespace coremachine::builtin {

/// `{"message": text}`, by default `Hello` → `{"output": text}`.
TaskResult greet(const json::object& params);
TaskInfo greet_info();

}  // namespace coremachine::builtin
