#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

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

/// So many blobs are listed in the result itself; more are an artifact.
inline constexpr std::size_t most_inline_blobs = 1000;

/// A JSON array as an artifact, made value by value: each on a line of its own, which begins with `{` and ends in a
/// comma but for the last, so that a reader can go on at any line. `[` and `]` are lines too.
class ArrayLines {
 public:
  explicit ArrayLines(std::unique_ptr<NewArtifact> artifact) : artifact_(std::move(artifact)) {}
  void add(const json::value& value);
  /// The reference; once.
  json::object finish();

 private:
  std::unique_ptr<NewArtifact> artifact_;
  std::string text_ = {};
  bool empty_ = true;
};

/// The files below a directory, however deep, sorted by name: `{"blobs": [{name, size, modified}], "blob_count": n}`.
/// Names are relative and have `/` between their parts; links are not followed. With a `limit` only the first ones.
/// Of more than `most_inline_blobs`, `blobs` is a reference to the artifact with that array.
/// A file whose name is not UTF-8 cannot be named in JSON: it is left out and counted as `skipped`. A directory that
/// may not be read is left out too: `unreadable` has the first hundred as `{name, error}`, `unreadable_count` how many.
TaskResult list_blobs(const BlobSelection& selection, TaskContext& context);
TaskInfo list_blobs_info();

}  // namespace coremachine::builtin
