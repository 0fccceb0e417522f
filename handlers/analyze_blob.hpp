#pragma once

#include <coremachine/registry/task_registry.hpp>

namespace coremachine::builtin {

/// `{"container_name": directory, "name": blob}` → `{name, size, media_type, sha256}` of a file as it is now.
TaskResult analyze_blob(const json::object& params, TaskContext& context);
TaskInfo analyze_blob_info();

}  // namespace coremachine::builtin
