#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/store/files/artifact_files.hpp"
#include "core/store/files/file.hpp"
#include "core/store/sqlite/lock_file.hpp"

namespace coremachine::files {

/// Where things lie below the root of an artifact store, and the state that all who write there share. Any thread.
///
///   coremachine-artifacts        says that the directory is ours, and in which version
///   lock                         held by the process that has it open
///   tmp/                         what is being written; emptied when the store is opened
///   ab/cd/sha256-abcd…           artifacts: content, then a trailer
///   outputs/JOB/NAME.log         records of outputs
class Tree {
 public:
  static Result<std::shared_ptr<Tree>> open(const ArtifactFilesOptions& options);

  FileCalls& calls() const { return *calls_; }
  Timestamp now() const { return now_(); }

  std::string path_of(const ArtifactId& id) const;
  std::string outputs() const { return root_ + "/outputs"; }
  /// A name for a file that is being written. Nobody else gets it.
  std::string temporary();

  /// Makes the directory of an artifact.
  Result<void> make_place(const ArtifactId& id);
  /// Makes durable which artifacts are in the directory of this one, and that directory itself.
  /// Nearly every artifact is the first in its directory. If directories are made before the artifact is synced and
  /// synced after it has its name, most file systems have them on the disk by then, and two syncs cost something, not
  /// four.
  Result<void> sync_place(const ArtifactId& id);

  /// In order, from after `after`.
  Result<std::vector<ArtifactId>> ids(const std::optional<ArtifactId>& after, std::size_t limit) const;
  /// All whose digest begins with this byte, in order.
  Result<std::vector<ArtifactId>> ids_of_shard(std::uint8_t first) const;

  /// Makes durable which names are in a directory. If the sync fails, the store is broken.
  Result<void> sync_names(const std::string& directory);
  /// Syncs a file that stays. If that fails, the store is broken.
  Result<void> sync(File& file);
  /// Why nothing can be written any more; nothing as long as all is well.
  std::optional<Error> broken() const;

 private:
  Tree(const ArtifactFilesOptions& options, std::string root, sqlite::LockFile lock);

  std::string outer_directory(unsigned first) const;
  std::string directory_of(const ArtifactId& id) const;
  Result<void> add_ids(unsigned first, const std::optional<ArtifactId>& after, std::size_t limit,
                       std::vector<ArtifactId>& found) const;

  std::string root_;
  std::function<Timestamp()> now_;
  FileCalls* calls_;
  sqlite::LockFile lock_;
  std::atomic<std::uint64_t> temporaries_ = 0;

  mutable std::mutex mutex_;
  std::bitset<256> outer_places_;  ///< directories that are known to be durable: those of the first byte
  std::bitset<256 * 256> places_;  ///< those of the first two
  std::optional<Error> broken_;
};

/// Names in a directory, sorted; none if it is not there.
Result<std::vector<std::string>> names_in(const std::string& directory);

}  // namespace coremachine::files
