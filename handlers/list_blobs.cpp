#include "handlers/list_blobs.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "core/model/utf8.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace fs = std::filesystem;

namespace {

struct Blob {
  std::string name;
  std::uintmax_t size = 0;
  Timestamp modified;
};

struct Cancelled {};

bool is_gone(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

[[noreturn]] void fail_at(const fs::path& path, const std::error_code& error) {
  const bool is_denied = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  throw TaskFailure{.type = is_denied ? "not_readable" : "io_error",
                    .message = quoted_path(path.string()) + " cannot be read: " + error.message(),
                    .kind = is_denied ? TaskFailure::Kind::permanent : TaskFailure::Kind::retry};
}

/// Walks a directory tree that others may change meanwhile: what vanishes under its feet was never there.
class Walk {
 public:
  Walk(const BlobSelection& selection, const TaskContext& context) : selection_(selection), context_(context) {}

  void enter(const fs::path& directory, const std::string& name_before) {
    std::error_code error;
    fs::directory_iterator entries(directory, error);
    if (error) {
      if (is_gone(error) && !name_before.empty()) return;
      fail_at(directory, error);
    }
    for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
      if (context_.cancelled()) throw Cancelled{};
      visit(*entries, name_before + entries->path().filename().string());
    }
    if (error) fail_at(directory, error);
  }

  std::vector<Blob> blobs = {};
  std::uint64_t skipped = 0;

 private:
  void visit(const fs::directory_entry& entry, const std::string& name) {
    std::error_code error;
    const auto status = entry.symlink_status(error);
    if (status.type() == fs::file_type::not_found) return;
    if (error) fail_at(entry.path(), error);
    if (status.type() == fs::file_type::directory) {
      const auto inside = name + "/";
      const auto shared = std::min(inside.size(), selection_.prefix.size());
      if (inside.compare(0, shared, selection_.prefix, 0, shared) == 0) enter(entry.path(), inside);
      return;
    }
    if (status.type() != fs::file_type::regular || !name.starts_with(selection_.prefix)) return;
    if (find_invalid_utf8(name) != std::string::npos) {
      ++skipped;
      return;
    }
    add(entry, name);
  }

  void add(const fs::directory_entry& entry, const std::string& name) {
    std::error_code error;
    const auto size = entry.file_size(error);
    const auto modified = error ? fs::file_time_type{} : entry.last_write_time(error);
    if (is_gone(error)) return;
    if (error) fail_at(entry.path(), error);
    blobs.push_back({name, size, std::chrono::floor<Milliseconds>(std::chrono::file_clock::to_sys(modified))});
  }

  const BlobSelection& selection_;
  const TaskContext& context_;
};

void require_directory(const std::string& container) {
  std::error_code error;
  const auto status = fs::status(container, error);
  const auto quoted = quoted_path(container);
  if (status.type() == fs::file_type::not_found) {
    refuse_params("container_name: " + quoted + " does not exist, should be a directory that this process can read");
  }
  if (error) fail_at(container, error);
  if (status.type() != fs::file_type::directory) {
    refuse_params("container_name: " + quoted + " is no directory, should be a directory that this process can read");
  }
}

}  // namespace

void BlobSelection::rules(params::Fields<BlobSelection>& fields) {
  fields[&BlobSelection::container_name].doc("a directory").min_length(1);
  fields[&BlobSelection::prefix].doc("what the names of the blobs begin with").by_default();
  fields[&BlobSelection::limit].doc("at most so many, the first by name").at_least(1);
}

TaskResult list_blobs(const BlobSelection& selection, TaskContext& context) {
  require_directory(selection.container_name);

  Walk walk(selection, context);
  try {
    walk.enter(selection.container_name, "");
  } catch (const Cancelled&) {
    return TaskFailure{.type = "cancelled", .message = "the listing was cancelled"};
  }
  std::sort(walk.blobs.begin(), walk.blobs.end(), [](const Blob& a, const Blob& b) { return a.name < b.name; });
  if (selection.limit && walk.blobs.size() > static_cast<std::uint64_t>(*selection.limit)) {
    walk.blobs.resize(static_cast<std::size_t>(*selection.limit));
  }

  json::array blobs;
  blobs.reserve(walk.blobs.size());
  for (const auto& blob : walk.blobs) {
    blobs.push_back({{"name", blob.name}, {"size", blob.size}, {"modified", to_rfc3339(blob.modified)}});
  }
  json::object result{{"blob_count", blobs.size()}};
  result.emplace("blobs", std::move(blobs));
  if (walk.skipped > 0) result.emplace("skipped", walk.skipped);
  return result;
}

TaskInfo list_blobs_info() {
  return {.description = "Lists the files of a directory and of all below it", .tags = {"builtin", "storage"}};
}

}  // namespace coremachine::builtin
