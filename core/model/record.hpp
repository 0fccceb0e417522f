#pragma once

#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/status.hpp>

#include "core/model/job.hpp"

namespace coremachine {

/// A job as a store keeps it: columns that people and queries look at, and the rest as JSON text in `state`.
struct JobRow {
  JobId id;
  std::string type;
  std::string version;
  JobStatus status = JobStatus::queued;
  int priority = 0;
  std::string tags = "[]";  ///< JSON array of strings
  std::uint32_t attempt = 1;
  Timestamp created_at{};
  std::optional<Timestamp> run_at = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
  Text params = {};                       ///< JSON object
  Text result = {};                       ///< JSON, or null pointer: none
  std::optional<std::string> error = {};  ///< JSON object
  std::string state = "{}";               ///< JSON object: the current round, with what is kept inline
  bool is_new = false;                    ///< no batch before has had it: there is nothing to replace

  friend bool operator==(const JobRow&, const JobRow&);
};

/// A round that its job has left behind.
struct RoundRow {
  JobId job;
  RoundNumber round = 0;
  int stage = 0;
  StageStatus status = StageStatus::completed;
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
  Text result = {};          ///< JSON, or null pointer: none
  std::string state = "{}";  ///< JSON object

  friend bool operator==(const RoundRow&, const RoundRow&);
};

// How jobs become rows and come back. Decoding throws Failure (store_damaged) for what encoding cannot have written.

JobRow encode_job(const Job& job);
RoundRow encode_round(JobId job, const ClosedRound& round);

/// Chunks, counts of open tasks and ready queues of the current round are not in the row: `rebuild_chunks` makes them.
Job decode_job(const JobRow& row, const std::vector<RoundRow>& rounds);
ClosedRound decode_round(const RoundRow& row);

}  // namespace coremachine
