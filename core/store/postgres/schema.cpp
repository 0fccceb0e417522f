#include "core/store/postgres/schema.hpp"

#include <iterator>
#include <string_view>

namespace coremachine::postgres {
namespace {

/// The n-th makes version n of n − 1. What has been released is never changed, only added to.
constexpr std::string_view migrations[] = {
#include "core/store/postgres/migrations/001_initial.sql"
    ,
#include "core/store/postgres/migrations/002_artifacts.sql"
};

constexpr char schema_exists[] =
    "SELECT has_schema_privilege(oid, 'USAGE'), current_user FROM pg_namespace WHERE nspname = $1";
constexpr char things_in_schema[] =
    "SELECT count(*), count(*) FILTER (WHERE relname = 'meta') FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1";
constexpr char version_of_schema[] = "SELECT value FROM meta WHERE key = 'coremachine_schema'";
constexpr char missing_parts[] =
    "SELECT part FROM unnest($2::text[]) part WHERE NOT EXISTS (SELECT 1 FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = part)";
constexpr char can_compress[] =
    "SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)";
constexpr char lock_migration[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('coremachine migration of ' || $1, 0))";
constexpr char invalid_indexes[] =
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = "
    "c.relnamespace WHERE n.nspname = $1 AND NOT (i.indisvalid AND i.indisready)";
constexpr char broken_pages[] =
    "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()";

[[noreturn]] void refuse(ErrorCode code, std::string message) {
  throw Failure(Error{code, std::move(message)});
}

std::vector<std::string> find_missing_parts(Connection& connection, const std::string& schema) {
  auto parts = texts_of(std::vector<std::string>{"meta",
                                                 "server",
                                                 "incarnation",
                                                 "job",
                                                 "job_by_type",
                                                 "round",
                                                 "definition",
                                                 "outcome",
                                                 "outcome_by_kind",
                                                 "outcome_told",
                                                 "setting",
                                                 "submission_key",
                                                 "submission_key_job",
                                                 "artifact_reference",
                                                 "artifact_reference_artifact",
                                                 "garbage",
                                                 "artifact",
                                                 "artifact_piece",
                                                 "artifact_loose",
                                                 "artifact_pin",
                                                 "artifact_pin_artifact",
                                                 "artifact_tally",
                                                 "takeover",
                                                 "job_output",
                                                 "job_output_record"});
  auto rows = connection.query(missing_parts, schema, parts);
  std::vector<std::string> missing;
  while (rows.next()) missing.push_back(rows.string(0));
  return missing;
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

/// lz4 costs a tenth of what the usual compression does; not every server has it.
constexpr std::string_view compress_quickly =
    "ALTER TABLE job ALTER state SET COMPRESSION lz4, ALTER params SET COMPRESSION lz4, ALTER result SET COMPRESSION "
    "lz4; ALTER TABLE round ALTER state SET COMPRESSION lz4, ALTER result SET COMPRESSION lz4; "
    "ALTER TABLE definition ALTER body SET COMPRESSION lz4; "
    "ALTER TABLE outcome ALTER body SET COMPRESSION lz4, ALTER carry SET COMPRESSION lz4; ";

/// 0: it is empty, or not there.
int version_of(Connection& connection, const Target& target, bool must_exist) {
  auto things = connection.query(things_in_schema, target.schema);
  things.next();
  if (things.integer(0) == 0) {
    if (must_exist) refuse(ErrorCode::store_missing, "there is no store at " + target.location);
    return 0;
  }
  const auto foreign = [&] {
    refuse(ErrorCode::store_damaged, "the schema of " + target.location + " is in use, but is no CoreMachine store");
  };
  if (things.integer(1) == 0) foreign();
  try {
    auto version = connection.query(version_of_schema);
    if (version.next()) return version.as<int>(0);
  } catch (const PostgresError& error) {
    if (error.sqlstate() != "42703" && error.sqlstate() != "42P01") throw;  // another thing of that name
  }
  foreign();
  return 0;
}

/// Makes the schema unless it is there, and sees to it that it can be used: what may not be used is as if it were not
/// there to PostgreSQL, which then says strange things.
void enter_schema(Connection& connection, const Target& target, bool must_exist) {
  auto found = connection.query(schema_exists, target.schema);
  if (!found.next()) {
    if (!must_exist) connection.execute("CREATE SCHEMA " + quoted(target.schema));
  } else if (!found.flag(0)) {
    refuse(ErrorCode::store_failed, "permission denied for the schema of " + target.location +
                                        ": GRANT USAGE, CREATE " + "ON SCHEMA " + quoted(target.schema) + " TO " +
                                        quoted(found.string(1)) + ", or let this user make it");
  }
}

void check_version(int version, const Target& target) {
  if (version > newest_version()) {
    refuse(ErrorCode::invalid_argument, target.location + " was written by a newer program: its schema is version " +
                                            std::to_string(version) + ", this program knows versions up to " +
                                            std::to_string(newest_version()));
  }
  if (version < 0) {
    refuse(ErrorCode::store_damaged, target.location + " has a schema of version " + std::to_string(version));
  }
}

void migrate(Connection& connection, int version) {
  std::string script;
  for (int next = version + 1; next <= newest_version(); ++next) script += migrations[next - 1];
  if (version == 0 && connection.query(can_compress).next()) script += compress_quickly;
  connection.execute(script + "INSERT INTO meta VALUES ('coremachine_schema', " + std::to_string(newest_version()) +
                     ") ON CONFLICT (key) DO UPDATE SET value = excluded.value");
}

}  // namespace

int newest_version() {
  return static_cast<int>(std::size(migrations));
}

void prepare_schema(Connection& connection, const Target& target, bool must_exist) {
  connection.execute("BEGIN");
  try {
    connection.query(lock_migration, target.schema);
    enter_schema(connection, target, must_exist);
    const int version = version_of(connection, target, must_exist);
    check_version(version, target);
    if (version < newest_version()) migrate(connection, version);
    connection.execute("COMMIT");
  } catch (const Failure&) {
    connection.execute("ROLLBACK");
    throw;
  }
  const auto missing = find_missing_parts(connection, target.schema);
  if (!missing.empty()) refuse(ErrorCode::store_damaged, target.location + " lacks its " + missing.front());
}

std::vector<std::string> check_schema(Connection& connection, const Target& target) {
  std::vector<std::string> faults;
  for (const auto& part : find_missing_parts(connection, target.schema)) faults.push_back("it lacks its " + part);
  auto indexes = connection.query(invalid_indexes, target.schema);
  while (indexes.next()) faults.push_back("the index " + indexes.string(0) + " is not valid: REINDEX it");
  auto broken = connection.query(broken_pages);
  if (broken.next() && broken.integer(0) > 0) {
    faults.push_back("the server has found " + broken.string(0) +
                     " pages of this database whose checksum is wrong: see its log, and pg_stat_database");
  }
  return faults;
}

}  // namespace coremachine::postgres
