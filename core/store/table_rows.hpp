#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/model/codec.hpp"
#include "core/model/json_reader.hpp"
#include "core/model/json_writer.hpp"
#include "core/ports/store.hpp"
#include "core/store/null_if_zero.hpp"

// The tables of every database have the same columns with the same texts in them. What stands here is how a row of
// them is made of a row of the engine, and becomes one again. `Rows` is a database's own: the row that it is at, column
// by column, counted from 0, by is_null, view, string, text, integer, flag, time, maybe_time and as<Number>.

/// The columns that `give` gives and the readers take, for use in a statement.
#define COREMACHINE_JOB_HEAD \
  "id, type, version, status, priority, tags, attempt, created_at, run_at, started_at, finished_at, error"
#define COREMACHINE_JOB_COLUMNS COREMACHINE_JOB_HEAD ", state, params, result"
#define COREMACHINE_ROUND_COLUMNS "job, round, stage, status, started_at, finished_at, result, state"
#define COREMACHINE_DEFINITION_COLUMNS "job, round, chunk, first, count, spec, specs"
#define COREMACHINE_OUTCOME_COLUMNS                                                                        \
  "job, round, chunk, sequence, kind, first, count, offsets, attempt, attempts, started_at, finished_at, " \
  "finished_ms, due_ms, worker, one_for_all, event, carry"

namespace coremachine::tables {

/// Throws Failure (store_damaged).
[[noreturn]] inline void throw_damaged(const std::string& where, const std::string& what) {
  throw Failure(Error{ErrorCode::store_damaged, "the store is damaged: " + where + ": " + what});
}

/// A list as JSON, or nothing where the list is empty.
template <class Numbers>
std::optional<std::string> list_text(const Numbers& numbers) {
  if (numbers.empty()) return std::nullopt;
  std::string text;
  JsonWriter(text).numbers(numbers);
  return text;
}

// What `give` gives to `take` is one row, in the order of the columns; of segments the body comes last. It is good
// until `take` returns.

template <class Take>
void give(const JobRow& row, const Take& take) {
  take(row.id.str(), row.type, row.version, to_string(row.status), row.priority, row.tags, row.attempt, row.created_at,
       row.run_at, row.started_at, row.finished_at, row.error, row.state, row.params, row.result);
}

template <class Take>
void give(const RoundRow& row, const Take& take) {
  take(row.job.str(), row.round, row.stage, to_string(row.status), row.started_at, row.finished_at, row.result,
       row.state);
}

template <class Take>
void give(const std::string& job, const DefinitionSegment& segment, const Take& take) {
  take(job, segment.round, segment.chunk, segment.first, segment.count, segment.spec, list_text(segment.specs),
       segment.body);
}

template <class Take>
void give(const std::string& job, const OutcomeSegment& segment, const Take& take) {
  take(job, segment.round, segment.chunk, segment.sequence, codec::to_string(segment.kind), segment.first,
       segment.count, list_text(segment.offsets), segment.attempt, list_text(segment.attempts), segment.started_at,
       segment.finished_at, list_text(segment.finished_ms), list_text(segment.due_ms), segment.worker,
       segment.one_for_all, NullIfZero{segment.event}, segment.carry, segment.body);
}

template <class Rows, class Number>
void read_list(const Rows& rows, int column, std::vector<Number>& list) {
  if (rows.is_null(column)) return;
  JsonReader in(rows.view(column));
  in.to(list);
  in.end();
}

template <class Rows>
JobId read_id(const Rows& rows, int column) {
  const auto id = JobId::parse(rows.view(column));
  if (!id) throw_damaged("a row of job " + rows.string(column), "that is no id");
  return *id;
}

/// Names the segment if a list in it is not a list.
template <class Segment, class Rows, class Read>
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

// The readers throw Failure (store_damaged) for what was never written. Segments have their body after their last
// column, or NULL.

template <class Rows>
JobRow read_job_row(const Rows& rows) {
  JobRow row;
  row.id = read_id(rows, 0);
  row.type = rows.string(1);
  row.version = rows.string(2);
  const auto status = job_status_from(rows.view(3));
  if (!status) throw_damaged("job " + rows.string(0), "its status is unknown: " + rows.string(3));
  row.status = *status;
  row.priority = rows.template as<int>(4);
  row.tags = rows.string(5);
  row.attempt = rows.template as<std::uint32_t>(6);
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

template <class Rows>
RoundRow read_round_row(const Rows& rows) {
  RoundRow row;
  row.job = read_id(rows, 0);
  row.round = rows.template as<RoundNumber>(1);
  row.stage = rows.template as<int>(2);
  const auto status = stage_status_from(rows.view(3));
  if (!status) throw_damaged("job " + rows.string(0) + ", round " + rows.string(1), "its status is unknown");
  row.status = *status;
  row.started_at = rows.maybe_time(4);
  row.finished_at = rows.maybe_time(5);
  row.result = rows.text(6);
  row.state = rows.string(7);
  return row;
}

template <class Rows>
DefinitionSegment read_definition(const Rows& rows) {
  return read_segment<DefinitionSegment>(rows, "definitions", [&](DefinitionSegment& segment) {
    segment.round = rows.template as<RoundNumber>(1);
    segment.chunk = rows.template as<ChunkNumber>(2);
    segment.first = rows.template as<TaskIndex>(3);
    segment.count = rows.template as<std::uint32_t>(4);
    segment.spec = rows.template as<SpecNumber>(5);
    read_list(rows, 6, segment.specs);
    segment.body = rows.text(7);
  });
}

template <class Rows>
OutcomeSegment read_outcome(const Rows& rows) {
  return read_segment<OutcomeSegment>(rows, "outcomes", [&](OutcomeSegment& segment) {
    segment.round = rows.template as<RoundNumber>(1);
    segment.chunk = rows.template as<ChunkNumber>(2);
    segment.sequence = rows.template as<std::uint32_t>(3);
    const auto kind = codec::outcome_kind_from(rows.view(4));
    if (!kind) throw JsonMismatch("their kind is unknown");
    segment.kind = *kind;
    segment.first = rows.template as<ChunkOffset>(5);
    segment.count = rows.template as<std::uint32_t>(6);
    read_list(rows, 7, segment.offsets);
    segment.attempt = rows.template as<std::uint32_t>(8);
    read_list(rows, 9, segment.attempts);
    segment.started_at = rows.time(10);
    segment.finished_at = rows.time(11);
    read_list(rows, 12, segment.finished_ms);
    read_list(rows, 13, segment.due_ms);
    segment.worker = rows.string(14);
    segment.one_for_all = rows.flag(15);
    segment.event = rows.template as<std::uint64_t>(16);
    segment.carry = rows.text(17);
    segment.body = rows.text(18);
  });
}

/// A limit as a statement takes it.
inline std::int64_t row_limit(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, std::numeric_limits<std::int64_t>::max()));
}

/// In order, as one query gives them for each kind.
inline void sort_by_place(std::vector<OutcomeSegment>& found, std::size_t limit) {
  std::sort(found.begin(), found.end(), [](const OutcomeSegment& a, const OutcomeSegment& b) {
    return std::tie(a.chunk, a.round, a.sequence) < std::tie(b.chunk, b.round, b.sequence);
  });
  if (found.size() > limit) found.resize(limit);
}

/// Of the columns id, status, finished_at.
template <class Rows>
Store::EndedJob read_ended_job(const Rows& rows) {
  const auto status = job_status_from(rows.view(1));
  if (!status) throw_damaged("job " + rows.string(0), "its status is unknown: " + rows.string(1));
  return {read_id(rows, 0), *status, rows.time(2)};
}

/// Of the columns job, fingerprint.
template <class Rows>
SubmissionKey read_key(const Rows& rows, const std::string& key) {
  const auto job = JobId::parse(rows.view(0));
  if (!job) throw_damaged("submission key " + key, "it belongs to no job");
  return {key, *job, rows.string(1)};
}

template <class Rows>
ArtifactId read_artifact_id(const Rows& rows) {
  const auto id = ArtifactId::parse(rows.view(0));
  if (!id) throw_damaged("artifact " + rows.string(0), "that is no id");
  return *id;
}

/// Of all rows of the columns status, count.
template <class Rows>
std::map<JobStatus, std::uint64_t> read_job_counts(Rows& rows) {
  std::map<JobStatus, std::uint64_t> counts;
  while (rows.next()) {
    const auto status = job_status_from(rows.view(0));
    if (!status) throw_damaged("the table of jobs", "a status is unknown: " + rows.string(0));
    counts[*status] = rows.template as<std::uint64_t>(1);
  }
  return counts;
}

}  // namespace coremachine::tables
