#include "core/store/sqlite/writer.hpp"

#include <filesystem>
#include <utility>

#include <sqlite3.h>

#include "core/store/sqlite/rows.hpp"
#include "core/store/sqlite/schema.hpp"

namespace coremachine::sqlite {
namespace {

constexpr char get_meta[] = "SELECT value FROM meta WHERE key = ?";
constexpr char set_meta[] = "UPDATE meta SET value = ? WHERE key = ?";

constexpr char discard_rounds[] = "DELETE FROM round WHERE job = ? AND round >= ?";
constexpr char discard_definitions[] = "DELETE FROM definition WHERE job = ? AND round > ?";
constexpr char discard_outcomes[] = "DELETE FROM outcome WHERE job = ? AND round > ?";

constexpr char put_setting[] = "INSERT OR REPLACE INTO setting VALUES (?, ?, ?)";
constexpr char drop_setting[] = "DELETE FROM setting WHERE kind = ? AND name = ?";
constexpr char put_key[] = "INSERT OR REPLACE INTO submission_key VALUES (?, ?, ?)";
constexpr char drop_job[] = "DELETE FROM job WHERE id = ?";
constexpr char drop_keys[] = "DELETE FROM submission_key WHERE job = ?";
constexpr char put_garbage[] = "INSERT OR IGNORE INTO garbage VALUES (?)";
constexpr char first_garbage[] = "SELECT job FROM garbage LIMIT 1";
constexpr char drop_garbage[] = "DELETE FROM garbage WHERE job = ?";
constexpr char sweep_outcomes[] =
    "DELETE FROM outcome WHERE (job, round, chunk, sequence) IN "
    "(SELECT job, round, chunk, sequence FROM outcome WHERE job = ? LIMIT ?)";
constexpr char sweep_definitions[] =
    "DELETE FROM definition WHERE (job, round, chunk) IN (SELECT job, round, chunk FROM definition WHERE job = ? LIMIT "
    "?)";
constexpr char sweep_rounds[] =
    "DELETE FROM round WHERE (job, round) IN (SELECT job, round FROM round WHERE job = ? LIMIT ?)";

constexpr char put_reference[] = "INSERT OR IGNORE INTO artifact_reference VALUES (?, ?)";
constexpr char sweep_references[] =
    "DELETE FROM artifact_reference WHERE (job, artifact) IN "
    "(SELECT job, artifact FROM artifact_reference WHERE job = ? LIMIT ?) RETURNING artifact";

/// After this many pages the log is copied into the file.
constexpr int checkpoint_pages = 4'000;
/// A log of so many pages was never free of readers: they are waited for, though not long, so that it can begin anew.
constexpr int patience_pages = 8 * checkpoint_pages;
constexpr int patience_ms = 20;
/// What a log that begins anew may keep of its size on the disk.
constexpr int kept_log_bytes = 64 * 1024 * 1024;
/// Larger files are not read through at the start after a crash: that would take too long.
constexpr std::uintmax_t quick_check_bytes = 256 * 1024 * 1024;

std::int64_t meta(Connection& connection, std::string_view key) {
  Rows rows(connection[get_meta], key);
  return rows.next() ? rows.integer(0) : 0;
}

}  // namespace

Writer::Writer(std::string path, const std::string& vfs, bool must_exist)
    : path_(std::move(path)), connection_(path_, vfs, Connection::Role::writer), checkpoint_at_(checkpoint_pages) {
  if (sqlite3_db_readonly(connection_.handle(), "main") == 1) {
    throw Failure(Error{ErrorCode::store_failed, path_ + " cannot be written: it is read-only"});
  }
  prepare_schema(connection_, path_, must_exist);
  // Room for what a batch usually touches. Not more: each commit in which a page was split looks through the whole
  // table of cached pages.
  connection_.execute("PRAGMA cache_size = -8192; PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = " +
                      std::to_string(kept_log_bytes));
  check_after_crash();
  sqlite3_wal_hook(connection_.handle(), &Writer::log_grew, this);
  Transaction transaction(connection_, Transaction::Kind::write);
  connection_[set_meta].run(0, std::string_view("clean"));
  transaction.commit();
  last_commit_ = static_cast<CommitSequence>(meta(connection_, "last_commit"));
}

void Writer::check_after_crash() {
  if (meta(connection_, "clean") == 1) return;
  // After a failed sync the log in the kernel's memory may be better than the log on the disk. What is copied from it
  // now is synced anew, and nothing is ever appended to the old one.
  int pages = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, &pages, nullptr);
  if (code != SQLITE_OK) throw SqliteError(connection_.handle(), code, "emptying the log");
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(path_, unknown);
  if (unknown || bytes > quick_check_bytes) return;
  const auto faults = check_pages(connection_, CheckDepth::quick, 1);
  if (!faults.empty()) throw Failure(Error{ErrorCode::store_damaged, path_ + " is damaged: " + faults.front()});
}

int Writer::log_grew(void* context, sqlite3*, const char*, int pages) {
  auto& writer = *static_cast<Writer*>(context);
  if (pages < writer.log_pages_) writer.checkpoint_at_ = checkpoint_pages;  // it has begun anew
  writer.log_pages_ = pages;
  return SQLITE_OK;
}

Writer::~Writer() {
  if (failed_) return;
  try {
    Transaction transaction(connection_, Transaction::Kind::write);
    connection_[set_meta].run(1, std::string_view("clean"));
    transaction.commit();
    // The last one to go empties the log and takes it away.
    sqlite3_db_config(connection_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  } catch (const SqliteError&) {
    // Then the next start takes a closer look; there is nobody to tell here.
  }
}

void Writer::fail(const Error& error) {
  if (!failed_) failed_ = error;
}

Incarnation Writer::begin_incarnation() {
  const std::lock_guard lock(mutex_);
  if (failed_) throw Failure(*failed_);
  try {
    Transaction transaction(connection_, Transaction::Kind::write);
    const auto next = meta(connection_, "incarnation") + 1;
    connection_[set_meta].run(next, std::string_view("incarnation"));
    transaction.commit();
    return static_cast<Incarnation>(next);
  } catch (const SqliteError& error) {
    if (!error.means_full()) fail(to_error(error, path_));
    throw Failure(to_error(error, path_));
  }
}

Result<void> Writer::commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (failed_) return *failed_;
  // Before the batch and not after it: the one before has been answered by now, and does not wait for this.
  if (log_pages_ >= checkpoint_at_) checkpoint();
  if (failed_) return *failed_;
  try {
    Transaction transaction(connection_, Transaction::Kind::write);
    if (static_cast<Incarnation>(meta(connection_, "incarnation")) != batch.incarnation) {
      return Error{ErrorCode::store_failed, "another server has taken over " + path_};
    }
    std::vector<ArtifactId> released;
    write(batch, released);
    transaction.commit();
    last_commit_ = batch.sequence;
    released_.add(released);
    return {};
  } catch (const SqliteError& error) {
    auto what = to_error(error, path_);
    if (error.means_full() && sqlite3_get_autocommit(connection_.handle()) != 0) return what;
    what.code = ErrorCode::store_failed;
    fail(what);
    return what;
  }
}

void Writer::write(const Batch& batch, std::vector<ArtifactId>& released) {
  for (const auto& [job, from] : batch.discards) {
    const auto id = job.str();
    connection_[discard_rounds].run(id, from);
    connection_[discard_definitions].run(id, from);
    connection_[discard_outcomes].run(id, from);
  }
  sqlite::write(connection_, batch.jobs);
  for (const auto& row : batch.rounds) sqlite::write(connection_, row);
  for (const auto& [job, segment] : batch.definitions) sqlite::write(connection_, job.str(), segment);
  for (const auto& [job, segment] : batch.outcomes) sqlite::write(connection_, job.str(), segment);
  for (const auto& setting : batch.settings) {
    if (setting.value) {
      connection_[put_setting].run(setting.kind, setting.name, setting.value);
    } else {
      connection_[drop_setting].run(setting.kind, setting.name);
    }
  }
  for (const auto& key : batch.keys) connection_[put_key].run(key.key, key.job.str(), key.fingerprint);
  for (const auto& [job, artifact] : batch.references) connection_[put_reference].run(job.str(), artifact.str());
  for (const auto job : batch.deletes) {
    const auto id = job.str();
    connection_[drop_job].run(id);
    connection_[drop_keys].run(id);
    connection_[put_garbage].run(id);
  }
  if (batch.sweep > 0) sweep(batch.sweep, released);
  connection_[set_meta].run(batch.sequence, std::string_view("last_commit"));
}

void Writer::sweep(std::uint32_t rows, std::vector<ArtifactId>& released) {
  auto left = static_cast<int>(rows);
  while (left > 0) {
    std::string job;
    {
      Rows first(connection_[first_garbage]);
      if (!first.next()) break;
      job = first.string(0);
    }
    for (const auto* statement : {sweep_outcomes, sweep_definitions, sweep_rounds}) {
      if (left <= 0) return;
      connection_[statement].run(job, left);
      left -= sqlite3_changes(connection_.handle());
    }
    if (left <= 0) return;
    {
      Rows references(connection_[sweep_references], job, left);
      while (references.next()) {
        --left;
        if (const auto id = ArtifactId::parse(references.view(0))) released.push_back(*id);
      }
    }
    if (left > 0) connection_[drop_garbage].run(job);
  }
  // Pages that came free go back to the file system, a few at a time.
  connection_.execute("PRAGMA incremental_vacuum(256)");
}

void Writer::checkpoint() {
  // A long reader keeps the log from beginning anew; there is no use in trying at every commit until it is gone.
  checkpoint_at_ = log_pages_ + checkpoint_pages;
  const int mode = log_pages_ >= patience_pages ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  sqlite3_busy_timeout(connection_.handle(), patience_ms);
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), "main", mode, nullptr, nullptr);
  sqlite3_busy_timeout(connection_.handle(), busy_ms);
  if (code == SQLITE_OK || (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED) return;
  const SqliteError error(connection_.handle(), code, "copying the log into the file");
  // Without room in the file, the log goes on growing until it has none either, and a commit says so.
  if (error.means_full()) return;
  auto what = to_error(error, path_);
  what.code = ErrorCode::store_failed;
  fail(what);
}

std::uint64_t Writer::orphans(bool remove) {
  const std::lock_guard lock(mutex_);
  if (failed_) throw Failure(*failed_);
  try {
    std::uint64_t found = 0;
    Transaction transaction(connection_, Transaction::Kind::write);
    for (const std::string table : {"round", "definition", "outcome", "artifact_reference"}) {
      const auto where = " FROM " + table + " WHERE NOT EXISTS (SELECT 1 FROM job WHERE id = " + table +
                         ".job) AND job NOT IN (SELECT job FROM garbage)";
      found += static_cast<std::uint64_t>(connection_.number("SELECT count(*)" + where));
      if (remove) connection_.execute("DELETE" + where);
    }
    transaction.commit();
    return found;
  } catch (const SqliteError& error) {
    if (remove && !error.means_full()) fail(to_error(error, path_));
    throw Failure(to_error(error, path_));
  }
}

}  // namespace coremachine::sqlite
