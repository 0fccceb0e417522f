#include "core/store/sqlite/rows.hpp"

#include <array>
#include <cstddef>

#include "core/store/table_rows.hpp"

namespace coremachine::sqlite {
namespace {

#define COREMACHINE_JOB_VALUES "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
constexpr int job_columns = 15;
constexpr char put_job[] = "INSERT OR REPLACE INTO job (" COREMACHINE_JOB_COLUMNS ") VALUES " COREMACHINE_JOB_VALUES;

/// Several in one statement take a fifth less time than one by one. Not with REPLACE, and not with ABORT, which is what
/// INSERT alone means: then SQLite notes what the pages were before such a statement.
constexpr std::size_t together = 8;
#define COREMACHINE_TWO_JOBS COREMACHINE_JOB_VALUES "," COREMACHINE_JOB_VALUES
#define COREMACHINE_FOUR_JOBS COREMACHINE_TWO_JOBS "," COREMACHINE_TWO_JOBS
constexpr char add_jobs[] =
    "INSERT OR ROLLBACK INTO job (" COREMACHINE_JOB_COLUMNS ") VALUES " COREMACHINE_FOUR_JOBS "," COREMACHINE_FOUR_JOBS;
#undef COREMACHINE_FOUR_JOBS
#undef COREMACHINE_TWO_JOBS
#undef COREMACHINE_JOB_VALUES
constexpr char put_round[] = "INSERT INTO round (" COREMACHINE_ROUND_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)";
constexpr char put_definition[] =
    "INSERT INTO definition (" COREMACHINE_DEFINITION_COLUMNS ", body) VALUES (?,?,?,?,?,?,?,?)";
constexpr char put_outcome[] =
    "INSERT INTO outcome (" COREMACHINE_OUTCOME_COLUMNS ", body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/// Binds a row's values, and runs.
auto to_row(Statement& statement) {
  return [&statement](const auto&... values) { statement.run(values...); };
}

/// Binds these rows from one on, and runs: what is given of a row is good until then.
void add(Statement& statement, const JobRow* const* rows, std::size_t from) {
  if (from == together) return statement.finish();
  tables::give(*rows[from], [&](const auto&... values) {
    static_assert(sizeof...(values) == job_columns);
    auto at = static_cast<int>(from) * job_columns;
    (statement.bind(++at, values), ...);
    add(statement, rows, from + 1);
  });
}

}  // namespace

void write(Connection& to, const std::vector<JobRow>& rows) {
  std::array<const JobRow*, together> fresh{};
  std::size_t count = 0;
  for (const auto& row : rows) {
    if (!row.is_new) {
      tables::give(row, to_row(to[put_job]));
      continue;
    }
    fresh[count] = &row;
    if (++count < together) continue;
    add(to[add_jobs], fresh.data(), 0);
    count = 0;
  }
  for (std::size_t i = 0; i < count; ++i) tables::give(*fresh[i], to_row(to[put_job]));
}

void write(Connection& to, const RoundRow& row) {
  tables::give(row, to_row(to[put_round]));
}

void write(Connection& to, const std::string& job, const DefinitionSegment& segment) {
  tables::give(job, segment, to_row(to[put_definition]));
}

void write(Connection& to, const std::string& job, const OutcomeSegment& segment) {
  tables::give(job, segment, to_row(to[put_outcome]));
}

JobRow read_job_row(const Rows& rows) {
  return tables::read_job_row(rows);
}

RoundRow read_round_row(const Rows& rows) {
  return tables::read_round_row(rows);
}

DefinitionSegment read_definition(const Rows& rows) {
  return tables::read_definition(rows);
}

OutcomeSegment read_outcome(const Rows& rows) {
  return tables::read_outcome(rows);
}

}  // namespace coremachine::sqlite
