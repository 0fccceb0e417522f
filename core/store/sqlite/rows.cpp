#include "core/store/sqlite/rows.hpp"

#include "core/store/table_rows.hpp"

namespace coremachine::sqlite {
namespace {

constexpr char put_job[] =
    "INSERT OR REPLACE INTO job (" COREMACHINE_JOB_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr char put_round[] = "INSERT INTO round (" COREMACHINE_ROUND_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)";
constexpr char put_definition[] =
    "INSERT INTO definition (" COREMACHINE_DEFINITION_COLUMNS ", body) VALUES (?,?,?,?,?,?,?,?)";
constexpr char put_outcome[] =
    "INSERT INTO outcome (" COREMACHINE_OUTCOME_COLUMNS ", body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/// Binds a row's values, and runs.
auto to_row(Statement& statement) {
  return [&statement](const auto&... values) { statement.run(values...); };
}

}  // namespace

void write(Connection& to, const JobRow& row) {
  tables::give(row, to_row(to[put_job]));
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
