#include "core/store/postgres/rows.hpp"

#include <libpq-fe.h>

#include "core/store/table_rows.hpp"

namespace coremachine::postgres {

void Rows::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

bool Rows::next() {
  return ++at_ < PQntuples(result_.get());
}

int Rows::count() const {
  return PQntuples(result_.get());
}

std::uint64_t Rows::changed() const {
  const std::string_view text(PQcmdTuples(result_.get()));
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

bool Rows::is_null(int column) const {
  return PQgetisnull(result_.get(), at_, column) != 0;
}

std::string_view Rows::view(int column) const {
  return {PQgetvalue(result_.get(), at_, column), static_cast<std::size_t>(PQgetlength(result_.get(), at_, column))};
}

namespace {

auto to_row(Columns& to) {
  return [&to](const auto&... values) { to.row(values...); };
}

}  // namespace

void put(Columns& to, const JobRow& row) {
  tables::give(row, to_row(to));
}

void put(Columns& to, const RoundRow& row) {
  tables::give(row, to_row(to));
}

void put(Columns& to, const std::string& job, const DefinitionSegment& segment) {
  tables::give(job, segment, to_row(to));
}

void put(Columns& to, const std::string& job, const OutcomeSegment& segment) {
  tables::give(job, segment, to_row(to));
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

}  // namespace coremachine::postgres
