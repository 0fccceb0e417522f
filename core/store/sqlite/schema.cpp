#include "core/store/sqlite/schema.hpp"

#include <array>
#include <iterator>
#include <string_view>

namespace coremachine::sqlite {
namespace {

/// The n-th makes version n of n − 1. What has been released is never changed, only added to.
constexpr std::string_view migrations[] = {
#include "core/store/sqlite/migrations/001_initial.sql"
    ,
#include "core/store/sqlite/migrations/002_outcome_counts.sql"
};

[[noreturn]] void refuse(ErrorCode code, std::string message) {
  throw Failure(Error{code, std::move(message)});
}

void check_is_ours(Connection& connection, const std::string& path, bool must_exist) {
  const auto id = connection.number("PRAGMA application_id");
  const auto things = connection.number("SELECT count(*) FROM sqlite_schema");
  if (id == application_id) return;
  if (id != 0 || things != 0) refuse(ErrorCode::store_damaged, path + " is a database, but not a CoreMachine store");
  if (must_exist) refuse(ErrorCode::store_damaged, path + " is empty: it is not a CoreMachine store");
}

void migrate(Connection& connection, const std::string& path) {
  const auto version = connection.number("PRAGMA user_version");
  if (version > newest_version()) {
    refuse(ErrorCode::invalid_argument, path + " was written by a newer program: its schema is version " +
                                            std::to_string(version) + ", this program knows versions up to " +
                                            std::to_string(newest_version()));
  }
  if (version < 0) refuse(ErrorCode::store_damaged, path + " has a schema of version " + std::to_string(version));
  for (auto next = static_cast<int>(version) + 1; next <= newest_version(); ++next) {
    Transaction transaction(connection, Transaction::Kind::write);
    connection.execute(std::string(migrations[next - 1]));
    connection.execute("PRAGMA application_id = " + std::to_string(application_id));
    connection.execute("PRAGMA user_version = " + std::to_string(next));
    transaction.commit();
  }
}

/// A file can have the right number on it and still lack a part.
void check_parts(Connection& connection, const std::string& path) {
  constexpr std::array parts{"meta",
                             "job",
                             "job_by_type",
                             "round",
                             "definition",
                             "outcome",
                             "outcome_by_kind",
                             "outcome_told",
                             "outcome_counts",
                             "setting",
                             "submission_key",
                             "submission_key_job",
                             "artifact_reference",
                             "artifact_reference_artifact",
                             "garbage"};
  for (const auto* part : parts) {
    const auto query = std::string("SELECT count(*) FROM sqlite_schema WHERE name = '") + part + "'";
    if (connection.number(query) == 0) refuse(ErrorCode::store_damaged, path + " lacks its " + part);
  }
  if (connection.number("SELECT count(*) FROM meta WHERE key IN ('incarnation', 'last_commit', 'clean')") != 3) {
    refuse(ErrorCode::store_damaged, path + " lacks a row of its meta table");
  }
}

}  // namespace

int newest_version() {
  return static_cast<int>(std::size(migrations));
}

void prepare_schema(Connection& connection, const std::string& path, bool must_exist) {
  check_is_ours(connection, path, must_exist);
  // These two count only for a file that has no page yet.
  connection.execute("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
  if (connection.text("PRAGMA journal_mode = WAL") != "wal") {
    refuse(ErrorCode::store_failed, path + " cannot have a write-ahead log where it lies");
  }
  migrate(connection, path);
  check_parts(connection, path);
}

std::vector<std::string> check_pages(Connection& connection, CheckDepth depth, int limit) {
  const auto* name = depth == CheckDepth::quick ? "quick_check" : "integrity_check";
  Statement statement(connection.handle(), std::string("PRAGMA ") + name + "(" + std::to_string(limit) + ")");
  std::vector<std::string> faults;
  try {
    Rows rows(statement);
    while (rows.next()) {
      if (rows.view(0) != "ok") faults.push_back(rows.string(0));
    }
  } catch (const SqliteError& error) {
    // Some damage stops the check itself.
    if (!error.means_damaged()) throw;
    faults.emplace_back(error.what());
  }
  return faults;
}

}  // namespace coremachine::sqlite
