#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/model/event.hpp"

namespace coremachine {

// What the job machine wants done, imperative. Writes go into the open batch. Everything else is carried out either
// at once or only when the batch that is open now is durable: each effect says which.

// ---- writes ----

/// The job's own row: status, error, result, and its current round with what is kept inline.
struct SaveJob {};
/// A round that the job leaves behind gets a row of its own.
struct SaveRound {
  ClosedRound round;
};
/// Rounds from this number on are no longer part of the job's story (a redrive goes back before them).
struct DiscardRounds {
  RoundNumber from = 0;
};
struct AppendDefinitions {
  DefinitionSegment segment;
};
struct AppendOutcomes {
  OutcomeSegment segment;
};

/// Texts that are written name these artifacts.
struct KeepArtifacts {
  ArtifactHolds holds;
};

// ---- acts ----

enum class After : std::uint8_t { now, commit };

/// These chunks of the current round may be handed out.
struct OfferTasks {
  RoundNumber round = 0;
  ChunkNumber from = 0;
  ChunkNumber to = 0;  ///< exclusive
};
/// Attempts of this round are no longer wanted: what has not started comes back, what runs is told.
struct StopTasks {
  RoundNumber round = 0;
};
struct CallHandler {
  Boundary boundary;
};
/// The answer to this call will be void.
struct DropHandlerCall {
  BoundaryNumber boundary = 0;
};
enum class TimerKind : std::uint8_t { due, retry, grace, job_deadline, stage, start };
/// One timer of each kind per job; a later one replaces it, and one that fires too late finds nothing to do.
struct SetTimer {
  TimerKind kind = TimerKind::due;
  Timestamp at{};
  RoundNumber round = 0;
};
enum class PublishedKind : std::uint8_t {
  job_accepted,
  job_started,
  stage_started,
  progress,
  task_failed,
  stage_completed,
  job_ended,  ///< named after the terminal status
};
/// Tell those who follow the job.
struct Publish {
  PublishedKind kind = PublishedKind::job_accepted;
  std::uint64_t sequence = 0;
  Timestamp at{};
  int stage = 0;
  RoundNumber round = 0;
  TaskIndex index = 0;
  std::string task_type = {};
  bool dead = false;                     ///< the task, not only failed
  std::uint32_t attempt = 0;             ///< of the task, else of the job
  Text error = {};                       ///< of the task
  std::optional<Error> cause = {};       ///< of the end of the job
  JobStatus status = JobStatus::queued;  ///< of the job, when it happened
  StageStatus stage_status = StageStatus::running;
  TaskCounts counts = {};  ///< of the current round, likewise
};
/// The job is over: answer those who wait for it, and forget it.
struct EndJob {};

using EffectBody = std::variant<SaveJob, SaveRound, DiscardRounds, AppendDefinitions, AppendOutcomes, KeepArtifacts,
                                OfferTasks, StopTasks, CallHandler, DropHandlerCall, SetTimer, Publish, EndJob>;

struct Effect {
  EffectBody body;
  After after = After::now;
};

}  // namespace coremachine
