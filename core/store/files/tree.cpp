#include "core/store/files/tree.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

namespace coremachine::files {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view marker_name = "coremachine-artifacts";
constexpr std::string_view new_marker_name = "coremachine-artifacts.new";
constexpr std::string_view lock_name = "lock";
constexpr std::string_view marker_text = "coremachine artifacts, version ";
constexpr int version = 1;

std::string below(const std::string& directory, std::string_view name) {
  return directory + "/" + std::string(name);
}

std::string two_digits(std::uint8_t byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  return {hex[byte >> 4U], hex[byte & 15U]};
}

std::size_t place_number(const ArtifactId& id) {
  return std::size_t{id.digest[0]} * 256 + id.digest[1];
}

Result<void> check_marker(FileCalls& calls, const std::string& path, const std::string& root) {
  const auto file = File::open(calls, path, false);
  if (!file) return file.error();
  std::array<char, 64> bytes{};
  const auto got = file->read(0, bytes.data(), bytes.size());
  if (!got) return got.error();
  std::string_view text(bytes.data(), *got);
  int found = 0;
  const bool is_ours = text.starts_with(marker_text) && text.ends_with('\n');
  if (is_ours) {
    text.remove_prefix(marker_text.size());
    std::from_chars(text.data(), text.data() + text.size(), found);
  }
  if (found < 1) return Error{ErrorCode::store_damaged, path + " is not the mark of an artifact store"};
  if (found > version) {
    return Error{ErrorCode::invalid_argument, root + " was written by a newer program: it is version " +
                                                  std::to_string(found) + ", this program knows versions up to " +
                                                  std::to_string(version)};
  }
  return {};
}

Result<void> write_marker(FileCalls& calls, const std::string& root) {
  const auto path = below(root, new_marker_name);
  if (const auto removed = remove_file(path); !removed) return removed.error();
  auto file = File::create(calls, path);
  if (!file) return file.error();
  const auto text = std::string(marker_text) + std::to_string(version) + "\n";
  if (const auto written = file->write(text, 0); !written) return written.error();
  if (const auto synced = file->sync(); !synced) return synced.error();
  if (const auto renamed = rename_file(calls, path, below(root, marker_name)); !renamed) return renamed.error();
  return sync_directory(calls, root);
}

/// Makes the directory, or sees whether it is one that we may use. True: it has the marker.
Result<bool> look_at_root(const ArtifactFilesOptions& options, FileCalls& calls, const std::string& root) {
  std::error_code failed;
  const auto type = fs::status(root, failed).type();
  if (type == fs::file_type::not_found) {
    if (options.must_exist) return Error{ErrorCode::store_missing, "there is no artifact store at " + root};
    const auto parent = fs::path(root).parent_path().string();
    if (!fs::is_directory(parent, failed)) {
      return Error{ErrorCode::invalid_argument, "there is no directory " + parent + " for " + root};
    }
    if (const auto made = make_directory(calls, root); !made) return made.error();
    if (const auto synced = sync_directory(calls, parent); !synced) return synced.error();
    return false;
  }
  if (failed) return io_error("look at", root, failed.value());
  if (type != fs::file_type::directory) return Error{ErrorCode::store_damaged, root + " is not a directory"};

  const auto names = names_in(root);
  if (!names) return names.error();
  if (std::find(names->begin(), names->end(), marker_name) != names->end()) return true;
  // A crash while it was made leaves these, and no more.
  const bool is_unfinished = std::all_of(names->begin(), names->end(), [](const std::string& name) {
    return name == lock_name || name == new_marker_name;
  });
  if (!is_unfinished || options.must_exist) {
    return Error{ErrorCode::store_damaged, root + " is a directory, but not an artifact store"};
  }
  return false;
}

Result<void> remove_files_in(const std::string& directory) {
  const auto names = names_in(directory);
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (const auto removed = remove_file(below(directory, name)); !removed) return removed.error();
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    names.push_back(at->path().filename().string());
  }
  const bool is_there = failed != std::errc::no_such_file_or_directory && failed != std::errc::not_a_directory;
  if (failed && is_there) return io_error("list", directory, failed.value());
  std::sort(names.begin(), names.end());
  return names;
}

Tree::Tree(const ArtifactFilesOptions& options, std::string root, sqlite::LockFile lock)
    : root_(std::move(root)),
      now_(options.now ? options.now
                       : [] { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }),
      calls_(options.calls ? options.calls : &system_calls()),
      lock_(std::move(lock)) {}

Result<std::shared_ptr<Tree>> Tree::open(const ArtifactFilesOptions& options) {
  auto& calls = options.calls ? *options.calls : system_calls();
  std::error_code failed;
  auto root = fs::absolute(options.root, failed).lexically_normal().string();
  if (failed) return io_error("find", options.root, failed.value());
  while (root.size() > 1 && root.back() == '/') root.pop_back();

  if (const auto seen = look_at_root(options, calls, root); !seen) return seen.error();
  auto lock = sqlite::LockFile::acquire(below(root, lock_name), root);
  if (!lock) return lock.error();
  // Once more, since another process may have made it before it let go of the lock.
  const auto is_marked = look_at_root(options, calls, root);
  if (!is_marked) return is_marked.error();
  const auto marked = *is_marked ? check_marker(calls, below(root, marker_name), root) : write_marker(calls, root);
  if (!marked) return marked.error();

  const auto temporary_files = below(root, "tmp");
  std::shared_ptr<Tree> tree(new Tree(options, root, std::move(*lock)));
  for (const auto& directory : {temporary_files, tree->outputs()}) {
    if (const auto made = make_directory(calls, directory); !made) return made.error();
  }
  if (const auto removed = remove_files_in(temporary_files); !removed) return removed.error();
  if (const auto synced = sync_directory(calls, root); !synced) return synced.error();
  return tree;
}

std::string Tree::outer_directory(unsigned first) const {
  return root_ + "/" + two_digits(static_cast<std::uint8_t>(first));
}

std::string Tree::directory_of(const ArtifactId& id) const {
  return outer_directory(id.digest[0]) + "/" + two_digits(id.digest[1]);
}

std::string Tree::path_of(const ArtifactId& id) const {
  return directory_of(id) + "/" + id.str();
}

std::string Tree::temporary() {
  return root_ + "/tmp/" + std::to_string(++temporaries_);
}

Result<void> Tree::make_place(const ArtifactId& id) {
  {
    const std::lock_guard lock(mutex_);
    if (places_[place_number(id)]) return {};
  }
  if (const auto made = make_directory(*calls_, outer_directory(id.digest[0])); !made) return made;
  return make_directory(*calls_, directory_of(id));
}

Result<void> Tree::sync_place(const ArtifactId& id) {
  if (const auto synced = sync_names(directory_of(id)); !synced) return synced;
  bool is_known = false;
  bool is_outer_known = false;
  {
    const std::lock_guard lock(mutex_);
    is_known = places_[place_number(id)];
    is_outer_known = outer_places_[id.digest[0]];
  }
  // Also those that were there already: whoever made them may not have come to this.
  if (!is_known) {
    if (const auto synced = sync_names(outer_directory(id.digest[0])); !synced) return synced;
  }
  if (!is_outer_known) {
    if (const auto synced = sync_names(root_); !synced) return synced;
  }
  const std::lock_guard lock(mutex_);
  outer_places_.set(id.digest[0]);
  places_.set(place_number(id));
  return {};
}

Result<void> Tree::add_ids(unsigned first, const std::optional<ArtifactId>& after, std::size_t limit,
                           std::vector<ArtifactId>& found) const {
  const auto outer = outer_directory(first);
  const auto places = names_in(outer);
  if (!places) return places.error();
  const auto begin = after && after->digest[0] == first ? two_digits(after->digest[1]) : std::string();
  for (const auto& place : *places) {
    if (place < begin) continue;
    const auto names = names_in(below(outer, place));
    if (!names) return names.error();
    for (const auto& name : *names) {
      if (found.size() >= limit) return {};
      const auto id = ArtifactId::parse(name);
      const bool is_here = id && directory_of(*id) == below(outer, place);
      if (is_here && (!after || *id > *after)) found.push_back(*id);
    }
  }
  return {};
}

Result<std::vector<ArtifactId>> Tree::ids(const std::optional<ArtifactId>& after, std::size_t limit) const {
  std::vector<ArtifactId> found;
  for (unsigned first = after ? after->digest[0] : 0; first < 256 && found.size() < limit; ++first) {
    if (const auto added = add_ids(first, after, limit, found); !added) return added.error();
  }
  return found;
}

Result<std::vector<ArtifactId>> Tree::ids_of_shard(std::uint8_t first) const {
  std::vector<ArtifactId> found;
  if (const auto added = add_ids(first, std::nullopt, SIZE_MAX, found); !added) return added.error();
  return found;
}

Result<void> Tree::sync_names(const std::string& directory) {
  auto opened = File::open(*calls_, directory, false);
  if (!opened) return opened.error();
  return sync(*opened);
}

Result<void> Tree::sync(File& file) {
  const auto synced = file.sync();
  if (synced) return {};
  const std::lock_guard lock(mutex_);
  if (!broken_) {
    broken_ = Error{ErrorCode::store_failed, "the artifact store takes nothing more: " + synced.error().message};
  }
  return *broken_;
}

std::optional<Error> Tree::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

}  // namespace coremachine::files
