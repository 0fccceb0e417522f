#pragma once

#include <string>

#include <coremachine/registry/task_registry.hpp>

#include "handlers/params_reader.hpp"

namespace coremachine::builtin {

/// Which blobs of a container are listed.
struct BlobSelection {
  std::string container_name;
  std::string prefix;
  std::optional<std::int64_t> limit;

  /// Reads its members; what is wrong stays with the reader.
  static BlobSelection from(ParamsReader& reader);
  /// The schema of the params that make one.
  static json::object schema();
};

/// The files below a directory, however deep, sorted by name: `{"blobs": [{name, size, modified}], "blob_count": n}`.
/// Names are relative and have `/` between their parts; links are not followed. With a `limit` only the first ones.
/// A file whose name is not UTF-8 cannot be named in JSON: it is left out and counted as `skipped`.
TaskResult list_blobs(const json::object& params, TaskContext& context);
TaskInfo list_blobs_info();

}  // namespace coremachine::builtin
