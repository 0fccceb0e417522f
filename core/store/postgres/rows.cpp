#include "core/store/postgres/rows.hpp"

#include <libpq-fe.h>

#include "core/model/codec.hpp"

namespace coremachine::postgres {
namespace {

/// A list as JSON, or nothing where the list is empty.
template <class Numbers>
std::optional<std::string> list_text(const Numbers& numbers) {
  if (numbers.empty()) return std::nullopt;
  std::string text;
  JsonWriter(text).numbers(numbers);
  return text;
}

JobId read_id(const Rows& rows, int column) {
  const auto id = JobId::parse(rows.view(column));
  if (!id) throw_damaged("a row of job " + rows.string(column), "that is no id");
  return *id;
}

template <class Number>
void read_list(const Rows& rows, int column, std::vector<Number>& list) {
  if (rows.is_null(column)) return;
  JsonReader in(rows.view(column));
  in.to(list);
  in.end();
}

/// Names the segment if a list in it is not a list.
template <class Segment, class Read>
Segment read_segment(const Rows& rows, const char* kind, const Read& read) {
  Segment segment;
  std::optional<std::string> fault;
  try {
    read(segment);
    fault = codec::fault_of(segment);
  } catch (const JsonMismatch& mismatch) {
    fault = mismatch.what();
  }
  if (fault) {
    throw_damaged("job " + rows.string(0) + ", round " + rows.string(1) + ", " + kind + " of chunk " + rows.string(2),
                  *fault);
  }
  return segment;
}

}  // namespace

void throw_damaged(const std::string& where, const std::string& what) {
  throw Failure(Error{ErrorCode::store_damaged, "the store is damaged: " + where + ": " + what});
}

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

void put(Columns& to, const JobRow& row) {
  to.row(row.id.str(), row.type, row.version, to_string(row.status), row.priority, row.tags, row.attempt,
         row.created_at, row.run_at, row.started_at, row.finished_at, row.error, row.state, row.params, row.result);
}

void put(Columns& to, const RoundRow& row) {
  to.row(row.job.str(), row.round, row.stage, to_string(row.status), row.started_at, row.finished_at, row.result,
         row.state);
}

void put(Columns& to, const std::string& job, const DefinitionSegment& segment) {
  to.row(job, segment.round, segment.chunk, segment.first, segment.count, segment.spec, list_text(segment.specs),
         segment.body);
}

void put(Columns& to, const std::string& job, const OutcomeSegment& segment) {
  to.row(job, segment.round, segment.chunk, segment.sequence, codec::to_string(segment.kind), segment.first,
         segment.count, list_text(segment.offsets), segment.attempt, list_text(segment.attempts), segment.started_at,
         segment.finished_at, list_text(segment.finished_ms), list_text(segment.due_ms), segment.worker,
         segment.one_for_all, NullIfZero{segment.event}, segment.carry, segment.body);
}

JobRow read_job_row(const Rows& rows) {
  JobRow row;
  row.id = read_id(rows, 0);
  row.type = rows.string(1);
  row.version = rows.string(2);
  const auto status = job_status_from(rows.view(3));
  if (!status) throw_damaged("job " + rows.string(0), "its status is unknown: " + rows.string(3));
  row.status = *status;
  row.priority = rows.as<int>(4);
  row.tags = rows.string(5);
  row.attempt = rows.as<std::uint32_t>(6);
  row.created_at = rows.time(7);
  row.run_at = rows.maybe_time(8);
  row.started_at = rows.maybe_time(9);
  row.finished_at = rows.maybe_time(10);
  if (!rows.is_null(11)) row.error = rows.string(11);
  row.state = rows.string(12);
  row.params = rows.text(13);
  row.result = rows.text(14);
  return row;
}

RoundRow read_round_row(const Rows& rows) {
  RoundRow row;
  row.job = read_id(rows, 0);
  row.round = rows.as<RoundNumber>(1);
  row.stage = rows.as<int>(2);
  const auto status = stage_status_from(rows.view(3));
  if (!status) throw_damaged("job " + rows.string(0) + ", round " + rows.string(1), "its status is unknown");
  row.status = *status;
  row.started_at = rows.maybe_time(4);
  row.finished_at = rows.maybe_time(5);
  row.result = rows.text(6);
  row.state = rows.string(7);
  return row;
}

DefinitionSegment read_definition(const Rows& rows) {
  return read_segment<DefinitionSegment>(rows, "definitions", [&](DefinitionSegment& segment) {
    segment.round = rows.as<RoundNumber>(1);
    segment.chunk = rows.as<ChunkNumber>(2);
    segment.first = rows.as<TaskIndex>(3);
    segment.count = rows.as<std::uint32_t>(4);
    segment.spec = rows.as<SpecNumber>(5);
    read_list(rows, 6, segment.specs);
    segment.body = rows.text(7);
  });
}

OutcomeSegment read_outcome(const Rows& rows) {
  return read_segment<OutcomeSegment>(rows, "outcomes", [&](OutcomeSegment& segment) {
    segment.round = rows.as<RoundNumber>(1);
    segment.chunk = rows.as<ChunkNumber>(2);
    segment.sequence = rows.as<std::uint32_t>(3);
    const auto kind = codec::outcome_kind_from(rows.view(4));
    if (!kind) throw JsonMismatch("their kind is unknown");
    segment.kind = *kind;
    segment.first = rows.as<ChunkOffset>(5);
    segment.count = rows.as<std::uint32_t>(6);
    read_list(rows, 7, segment.offsets);
    segment.attempt = rows.as<std::uint32_t>(8);
    read_list(rows, 9, segment.attempts);
    segment.started_at = rows.time(10);
    segment.finished_at = rows.time(11);
    read_list(rows, 12, segment.finished_ms);
    read_list(rows, 13, segment.due_ms);
    segment.worker = rows.string(14);
    segment.one_for_all = rows.flag(15);
    segment.event = rows.as<std::uint64_t>(16);
    segment.carry = rows.text(17);
    segment.body = rows.text(18);
  });
}

}  // namespace coremachine::postgres
