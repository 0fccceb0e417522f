#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/status.hpp>
#include <coremachine/model/time.hpp>

#include "core/model/artifact_holds.hpp"
#include "core/model/round.hpp"
#include "core/model/text.hpp"

namespace coremachine {

/// The fencing token of an attempt begins with it: a server's start, committed before its first hand-out.
using Incarnation = std::uint64_t;

/// Names one call of a job handler's functions; a late answer to an older call is void.
using BoundaryNumber = std::uint32_t;

/// Which functions of the job handler are due.
enum class BoundaryKind : std::uint8_t {
  open_first,  ///< create the tasks of stage 1
  close,       ///< aggregate the stage, then the next stage or the final result
  pull,        ///< more tasks of a lazy stage, while it runs
};

struct Boundary {
  BoundaryNumber number = 0;
  BoundaryKind kind = BoundaryKind::open_first;
  int stage = 1;
  RoundNumber round = 0;
};

/// What a submission asks for, checked: the type exists, the params are an object.
struct Submission {
  JobId id;
  std::string type;
  std::string version = "1";
  Text params;
  int priority = 0;
  std::vector<std::string> tags = {};
  std::optional<Timestamp> run_at = {};
  std::optional<Milliseconds> timeout = {};
  std::string fingerprint = {};      ///< of type and params, where one of these is set
  std::string idempotency_key = {};  ///< empty: none
  bool unique = false;               ///< by its fingerprint
  std::string traceparent = {};      ///< whose work it is part of; empty: nobody said
  ArtifactHolds artifacts = {};      ///< that the params name
};

/// Everything the machine knows of a job that is not over. Its one truth is what the store holds;
/// this is rebuilt from it at every start.
struct Job {
  JobId id;
  std::string type;
  std::string version = "1";
  Text params;
  int priority = 0;
  std::vector<std::string> tags = {};
  JobStatus status = JobStatus::queued;
  std::uint32_t attempt = 1;
  std::optional<Error> error = {};
  Text result = {};
  Timestamp created_at{};
  std::optional<Timestamp> run_at = {};
  std::optional<Milliseconds> timeout = {};  ///< from the start of an attempt of the job
  std::string traceparent = {};              ///< as it was submitted; empty: none
  std::optional<Timestamp> deadline = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};

  std::vector<ClosedRound> closed = {};  ///< in order of rounds
  std::optional<Round> round = {};       ///< the current one, or the last of a job that is over
  RoundNumber last_round = 0;            ///< the highest number given out
  bool had_failures = false;             ///< some join tolerated a failure

  std::vector<Signal> signals = {};  ///< that no gate has taken yet

  std::optional<Boundary> boundary = {};  ///< the call that is out
  BoundaryNumber last_boundary = 0;
  std::uint8_t boundary_losses = 0;  ///< deaths of the process while the boundary ran alone

  // Sequences of events: what happened is told from the rows that it left, under the numbers that it had.
  std::uint64_t last_event = 0;               ///< the last one given out; of a job that is over, its end's
  std::uint64_t accepted_event = 1;           ///< of this attempt
  std::uint64_t started_event = 0;            ///< 0: not started yet
  std::optional<Timestamp> accepted_at = {};  ///< of a retry; else it is `created_at`
  Text history = {};                          ///< JSON: events of earlier attempts of which no other row tells
};

}  // namespace coremachine
