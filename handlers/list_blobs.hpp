#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <coremachine/registry/typed.hpp>

namespace coremachine::builtin {

/// Which blobs of a container are listed.
struct BlobSelection {
  std::string container_name;
  std::string prefix;
  std::optional<std::int64_t> limit;

  static void rules(params::Fields<BlobSelection>& fields);
};
BOOST_DESCRIBE_STRUCT(BlobSelection, (), (container_name, prefix, limit))

/// The files below a directory, however deep, sorted by name: `{"blobs": [{name, size, modified}], "blob_count": n}`.
/// Names are relative and have `/` between their parts; links are not followed. With a `limit` only the first ones.
/// A file whose name is not UTF-8 cannot be named in JSON: it is left out and counted as `skipped`.
TaskResult list_blobs(const BlobSelection& selection, TaskContext& context);
TaskInfo list_blobs_info();

}  // namespace coremachine::builtin
