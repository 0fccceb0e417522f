#include "core/store/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sqlite3.h>

#include "core/store/sqlite/backup.hpp"
#include "core/store/sqlite/lock_file.hpp"
#include "core/store/sqlite/reader_pool.hpp"
#include "core/store/sqlite/reads.hpp"
#include "core/store/sqlite/schema.hpp"
#include "core/store/sqlite/writer.hpp"

namespace coremachine {
namespace {

namespace files = std::filesystem;

class SqliteStore final : public Store {
  /// Runs `read` on a connection of the pool, within one transaction.
  template <class Read>
  auto reading(const Read& read) const {
    return borrowing([&](sqlite::Connection& from) {
      const sqlite::Transaction transaction(from, sqlite::Transaction::Kind::read);
      return read(from);
    });
  }
  /// The same for a single statement, which is a transaction by itself.
  template <class Read>
  auto borrowing(const Read& read) const {
    try {
      auto lease = readers_.borrow();
      return read(*lease);
    } catch (const sqlite::SqliteError& error) {
      throw Failure(sqlite::to_error(error, path_));
    }
  }

 public:
  SqliteStore(std::string path, std::string vfs, bool must_exist, sqlite::LockFile lock, sqlite::InodeLock inode)
      : path_(std::move(path)),
        vfs_(std::move(vfs)),
        lock_(std::move(lock)),
        inode_(std::move(inode)),
        writer_(path_, vfs_, must_exist),
        readers_(path_, vfs_) {}

  Incarnation begin_incarnation() override { return writer_.begin_incarnation(); }
  CommitSequence last_commit() const override { return writer_.last_commit(); }
  Result<void> commit(const Batch& batch) override { return writer_.commit(batch); }
  std::uint64_t orphans(bool remove) override { return writer_.orphans(remove); }

  std::optional<StoredJob> read_job(JobId id) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_job(from, id); });
  }
  std::optional<JobRow> read_row(JobId id) const override {
    return borrowing([&](sqlite::Connection& from) { return sqlite::read_row(from, id); });
  }
  JobSlice list_jobs(const JobFilter& filter) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::list_jobs(from, filter); });
  }
  std::map<JobStatus, std::uint64_t> count_jobs() const override {
    return reading([](sqlite::Connection& from) { return sqlite::count_jobs(from); });
  }
  std::vector<RoundRow> latest_rounds(JobId job, int stage, std::size_t limit) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::latest_rounds(from, job, stage, limit); });
  }
  std::optional<RoundRow> read_round(JobId job, RoundNumber round) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_round(from, job, round); });
  }
  std::vector<StoredJob> read_unfinished(std::optional<JobId> after, std::size_t limit) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_unfinished(from, after, limit); });
  }
  std::vector<DefinitionSegment> definition_heads(JobId job, RoundNumber round) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::definition_heads(from, job, round); });
  }
  std::optional<DefinitionSegment> read_definitions(JobId job, RoundNumber round, ChunkNumber chunk) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_definitions(from, job, round, chunk); });
  }
  std::vector<OutcomeSegment> read_outcomes(const OutcomeQuery& query) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_outcomes(from, query); });
  }
  std::optional<OutcomeSegment> read_outcome(JobId job, RoundNumber round, ChunkNumber chunk,
                                             std::uint32_t sequence) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_outcome(from, job, round, chunk, sequence); });
  }
  std::vector<ChunkOutcomes> count_outcomes(JobId job, const std::vector<RoundNumber>& rounds, ChunkNumber first,
                                            ChunkNumber last) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::count_outcomes(from, job, rounds, first, last); });
  }
  std::vector<OutcomeSegment> told_failures(JobId job, RoundNumber round) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::told_failures(from, job, round); });
  }

  std::vector<Setting> read_settings(const std::string& kind) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_settings(from, kind); });
  }
  std::optional<SubmissionKey> find_key(const std::string& key) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::find_key(from, key); });
  }
  std::vector<EndedJob> read_ended(std::optional<JobId> after, std::size_t limit) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_ended(from, after, limit); });
  }
  bool is_referenced(const ArtifactId& artifact) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::is_referenced(from, artifact); });
  }
  std::vector<ArtifactId> read_referenced(const std::optional<ArtifactId>& after, std::size_t limit) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::read_referenced(from, after, limit); });
  }
  std::vector<ArtifactId> references_of(JobId job) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::references_of(from, job); });
  }
  Released take_released() override { return writer_.take_released(); }
  bool has_garbage() const override {
    return reading([](sqlite::Connection& from) { return sqlite::has_garbage(from); });
  }

  StoreStats stats() const override {
    auto stats = reading([](sqlite::Connection& from) { return sqlite::read_stats(from); });
    stats.kind = "sqlite";
    stats.location = path_;
    stats.bytes = bytes();
    return stats;
  }

  std::uint64_t bytes() const override {
    std::uint64_t sum = 0;
    for (const auto* suffix : {"", "-wal"}) {
      std::error_code missing;
      const auto bytes = files::file_size(path_ + suffix, missing);
      sum += missing ? 0 : bytes;
    }
    return sum;
  }

  std::vector<std::string> check_format() const override {
    constexpr int limit = 100;
    return reading([](sqlite::Connection& from) { return sqlite::check_pages(from, sqlite::CheckDepth::full, limit); });
  }

  Result<void> backup(const std::string& path) const override {
    return reading([&](sqlite::Connection& from) { return sqlite::copy_database(from, path, vfs_); });
  }

 private:
  std::string path_;
  std::string vfs_;
  sqlite::LockFile lock_;    // let go last
  sqlite::InodeLock inode_;  // but for this one
  sqlite::Writer writer_;    // closes the file after all readers have
  mutable sqlite::ReaderPool readers_;
};

Error invalid(std::string message) {
  return Error{ErrorCode::invalid_argument, std::move(message)};
}

/// The one name of the file, so that two ways to it find the same lock.
Result<std::string> resolve(const SqliteOptions& options) {
  if (options.path.empty()) return invalid("the path of the store is empty");
  std::error_code failed;
  const auto path = files::weakly_canonical(files::absolute(options.path, failed), failed);
  if (failed) return Error{ErrorCode::store_failed, "cannot find " + options.path + ": " + failed.message()};
  const auto status = files::status(path, failed);
  if (files::is_directory(status)) return invalid(path.string() + " is a directory, not a store");
  if (files::exists(status)) return path.string();
  if (options.must_exist) return Error{ErrorCode::store_missing, "there is no store at " + path.string()};
  if (!files::is_directory(path.parent_path(), failed)) {
    return invalid("cannot make " + path.string() + ": there is no directory " + path.parent_path().string());
  }
  return path.string();
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  const auto path = resolve(options);
  if (!path) return path.error();
  auto lock = sqlite::LockFile::acquire(*path + "-lock", *path);
  if (!lock) return lock.error();
  auto inode = sqlite::InodeLock::acquire(*path, options.must_exist);
  if (!inode) return inode.error();
  try {
    return std::unique_ptr<Store>(
        std::make_unique<SqliteStore>(*path, options.vfs, options.must_exist, std::move(*lock), std::move(*inode)));
  } catch (const sqlite::SqliteError& error) {
    return sqlite::to_error(error, *path);
  } catch (const Failure& failure) {
    return failure.error();
  }
}

void leave_sqlite_memory_uncounted() {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

}  // namespace coremachine
