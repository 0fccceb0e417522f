#pragma once

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/model/record.hpp"
#include "tests/conformance/store_makers.hpp"
#include "tests/conformance/store_oracle.hpp"
#include "tests/support/postgres/fixture.hpp"
#include "tests/support/random_job.hpp"
#include "tests/support/same.hpp"

// What core/ports/store.hpp promises is tested on every store there is.
#define ALL_STORES InMemory, OnDisk, InPostgres

namespace coremachine::store_tests {

using namespace support;

inline constexpr JobId first_id{1000, 1};

inline JobId id_of(std::uint64_t n) {
  return JobId{1000 + n, 1};
}

inline JobRow job_row(JobId id, JobStatus status, const std::string& type = "walk") {
  Job job;
  job.id = id;
  job.type = type;
  job.status = status;
  job.params = make_text(R"({"n":1})");
  job.created_at = Timestamp{Milliseconds{1'700'000'000'000}};
  return encode_job(job);
}

inline RoundRow round_row(JobId job, RoundNumber number) {
  ClosedRound round;
  round.number = number;
  round.stage = static_cast<int>(number);
  round.result = make_text("{}");
  return encode_round(job, round);
}

inline DefinitionSegment definitions(RoundNumber round, ChunkNumber chunk) {
  DefinitionSegment segment;
  segment.round = round;
  segment.chunk = chunk;
  segment.first = TaskIndex{chunk} * chunk_size;
  segment.count = 2;
  segment.specs = {1, 0};
  segment.body = make_text(R"([{"i":1},{"i":2}])");
  return segment;
}

inline OutcomeSegment outcomes(RoundNumber round, ChunkNumber chunk, std::uint32_t sequence,
                               OutcomeKind kind = OutcomeKind::completed) {
  OutcomeSegment segment;
  segment.round = round;
  segment.chunk = chunk;
  segment.sequence = sequence;
  segment.kind = kind;
  segment.first = 1;
  segment.count = 2;
  segment.offsets = {7, 1};
  segment.attempts = {2, 3};
  segment.started_at = Timestamp{Milliseconds{5}};
  segment.finished_at = Timestamp{Milliseconds{9}};
  segment.finished_ms = {3, 4};
  if (kind == OutcomeKind::retrying) segment.due_ms = {77};
  segment.worker = "w";
  segment.body = make_text(R"(["a","b"])");
  return segment;
}

/// Numbers batches as the machine would.
class Committer {
 public:
  explicit Committer(Store& store) : store_(store), incarnation_(store.begin_incarnation()) {}
  Batch batch() { return Batch{.sequence = ++sequence_, .incarnation = incarnation_}; }
  void commit(const Batch& batch) {
    const auto done = store_.commit(batch);
    REQUIRE_MESSAGE(done.has_value(), (done ? std::string() : done.error().message));
  }
  void put(std::vector<JobRow> rows) {
    auto next = batch();
    next.jobs = std::move(rows);
    commit(next);
  }

 private:
  Store& store_;
  Incarnation incarnation_;
  CommitSequence sequence_ = 0;
};

inline std::vector<JobId> ids(const std::vector<JobRow>& rows) {
  std::vector<JobId> found;
  for (const auto& row : rows) found.push_back(row.id);
  return found;
}

inline std::vector<JobId> ids(const std::vector<StoredJob>& jobs) {
  std::vector<JobId> found;
  for (const auto& stored : jobs) found.push_back(stored.job.id);
  return found;
}

inline std::vector<RoundNumber> numbers(const std::vector<RoundRow>& rows) {
  std::vector<RoundNumber> found;
  for (const auto& row : rows) found.push_back(row.round);
  return found;
}

/// (chunk, round, sequence) of each.
using Place = std::tuple<ChunkNumber, RoundNumber, std::uint32_t>;
inline std::vector<Place> places(const std::vector<OutcomeSegment>& segments) {
  std::vector<Place> found;
  for (const auto& segment : segments) found.emplace_back(segment.chunk, segment.round, segment.sequence);
  return found;
}

inline OutcomeQuery query_of(JobId job, std::vector<RoundNumber> rounds) {
  OutcomeQuery query;
  query.job = job;
  query.rounds = std::move(rounds);
  return query;
}

}  // namespace coremachine::store_tests
