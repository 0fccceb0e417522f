#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "core/ports/store.hpp"
#include "core/store/released_artifacts.hpp"
#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

/// The one connection that changes the file: batches in, checkpoints when the log has grown.
/// Any thread may call it; calls follow one another.
class Writer {
 public:
  /// Opens the file and makes it fit for use. Throws SqliteError, or Failure for a file that is no store of ours.
  Writer(std::string path, const std::string& vfs, bool must_exist);
  /// Leaves the file marked as closed in order, unless a write had failed.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Incarnation begin_incarnation();
  CommitSequence last_commit() const { return last_commit_.load(); }
  Result<void> commit(const Batch& batch);
  std::uint64_t orphans(bool remove);
  Store::Released take_released() { return released_.take(); }

 private:
  void check_after_crash();
  void write(const Batch& batch, std::vector<ArtifactId>& released);
  void sweep(std::uint32_t rows, std::vector<ArtifactId>& released);
  void checkpoint();
  void fail(const Error& error);
  static int log_grew(void* writer, sqlite3*, const char*, int pages);

  std::string path_;
  std::mutex mutex_;
  Connection connection_;
  std::atomic<CommitSequence> last_commit_ = 0;
  int log_pages_ = 0;  ///< in the log after the last commit
  int checkpoint_at_;  ///< as soon as it has so many
  ReleasedArtifacts released_;
  std::optional<Error> failed_ = {};  ///< why nothing is written any more
};

}  // namespace coremachine::sqlite
