#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/artifact_holds.hpp"
#include "core/model/job.hpp"

namespace coremachine {

/// What comes in with every event: the machines have no clock and no dice of their own.
struct Now {
  Timestamp time{};
  std::uint64_t entropy = 0;
  Incarnation incarnation = 0;  ///< what an older one handed out in this process's place is void
};

/// Tasks of one spec and one chunk, handed out together.
struct Slice {
  JobId job;
  RoundNumber round = 0;
  RoundNumber defined_in = 0;
  ChunkNumber chunk = 0;
  int stage = 0;
  ChunkOffset first = 0;
  std::uint32_t count = 0;
  std::vector<ChunkOffset> offsets = {};     ///< empty: first, first + 1, …
  std::vector<std::uint32_t> attempts = {};  ///< empty: all 1
  Incarnation incarnation = 0;
  std::vector<std::pair<ChunkOffset, Text>> progress = {};  ///< what earlier attempts had come to
  Timestamp offered_at{};                                   ///< since when it might be handed out

  ChunkOffset offset_at(std::uint32_t i) const { return offsets.empty() ? first + i : offsets[i]; }
  std::uint32_t attempt_at(std::uint32_t i) const { return attempts.empty() ? 1 : attempts[i]; }
};

/// Results of attempts that completed, in the order in which they ran.
struct Completions {
  ChunkOffset first = 0;
  std::uint32_t count = 0;
  std::vector<ChunkOffset> offsets = {};        ///< empty: first, first + 1, …
  std::vector<std::uint32_t> attempts = {};     ///< empty: all 1
  std::vector<std::uint32_t> finished_ms = {};  ///< since the report's started_at; empty: all at finished_at
  std::vector<std::uint32_t> ends = {};         ///< where each value ends in `body`
  Text fold = {};                               ///< JSON: all of them folded; null: not folded
  Text body = {};                               ///< JSON array

  ChunkOffset offset_at(std::uint32_t i) const { return offsets.empty() ? first + i : offsets[i]; }
  std::uint32_t attempt_at(std::uint32_t i) const { return attempts.empty() ? 1 : attempts[i]; }
};

/// An attempt that failed.
struct FailedAttempt {
  enum class Verdict : std::uint8_t { retry, permanent, dead };
  ChunkOffset offset = 0;
  std::uint32_t attempt = 1;
  Verdict verdict = Verdict::retry;
  std::uint32_t finished_ms = 0;
  std::optional<Milliseconds> retry_after = {};
  ErrorCode code = ErrorCode::task_failed;
  Text error = {};     ///< JSON object {type, message}; equal texts are often the same object
  Text progress = {};  ///< JSON: how far it had come; null: it did not say
};

/// How far an attempt that still runs has come.
struct TaskProgress {
  ChunkOffset offset = 0;
  std::uint32_t attempt = 1;
  Text progress = {};  ///< JSON
};

/// What became of attempts of one slice; a slice may be reported in several parts.
struct Report {
  RoundNumber round = 0;
  ChunkNumber chunk = 0;
  Incarnation incarnation = 0;
  std::string worker = {};
  Timestamp started_at{};
  Timestamp finished_at{};
  std::uint64_t busy_ns = 0;  ///< that the handlers took, all told
  Completions completed = {};
  std::vector<FailedAttempt> failed = {};
  std::vector<TaskProgress> progress = {};
  std::vector<ChunkOffset> returned = {};  ///< handed out, never started, taken back
  std::vector<ChunkOffset> lost = {};      ///< nobody knows: the worker that had them was not heard of any more
  bool lost_alone = false;                 ///< nothing ran beside them, so that one of them may be the cause
  ArtifactHolds artifacts = {};            ///< that results and progress name
  std::optional<Error> broken = {};        ///< the stage's fold did what it may not: the job cannot go on
};

// ---- what happened to a job, in the past tense ----

struct JobSubmitted {};
struct JobCameDue {};
/// The job was read back from the store after a start of the machine, or taken over. `deaths`: of machines that had it
/// while it ran, in a row and without its coming any further.
struct JobRecovered {
  std::uint32_t deaths = 0;
};

/// What the handler's functions decided; stored before any of it is acted upon.
struct NextStage {
  int stage = 1;
  StagePolicy policy = {};
  std::vector<SharedSpec> specs = {};
  std::vector<DefinitionSegment> chunks = {};  ///< `round` is filled in by the machine
  bool folds = false;
  std::optional<TaskSource> source = {};  ///< of a lazy stage: where it goes on
};
/// More tasks of the stage that runs.
struct MoreTasks {
  std::vector<SharedSpec> specs = {};  ///< all of the round, the new ones last
  std::vector<DefinitionSegment> chunks = {};
  TaskSource source = {};
};
struct Finished {
  Text result;
};
struct HandlerFailed {
  Error error;
};
struct BoundaryDecided {
  BoundaryNumber boundary = 0;
  Text stage_result = {};  ///< of the closed stage; null at the first boundary or when aggregating failed
  std::variant<NextStage, MoreTasks, Finished, HandlerFailed> next;
  ArtifactHolds artifacts = {};  ///< that any of it names
};
struct BoundaryTimedOut {
  BoundaryNumber boundary = 0;
};
/// The process died while this boundary ran alone.
struct BoundaryLost {};

struct TasksReported {
  Report report;
};
/// The process died while this task ran; `alone`: nothing else can have been the cause.
struct TaskLost {
  RoundNumber round = 0;
  TaskIndex index = 0;
  bool alone = false;
};
struct RetriesCameDue {};
/// The deadline of the stage, or the time that its gate waits.
struct StageTimeCame {
  RoundNumber round = 0;
};
/// Tasks may have waited longer for a worker than they are to.
struct StartTimeCame {
  RoundNumber round = 0;
};
struct SignalReceived {
  Signal signal;
  ArtifactHolds artifacts = {};  ///< that its data names
};
struct CancelRequested {};
struct PauseRequested {};
struct ResumeRequested {};
/// Run again what did not complete. `target` is the round to open again, as `redrive_target` names it, rebuilt from
/// the store so that only what completed counts as finished; none if the job never had a round.
struct RedriveRequested {
  std::optional<Round> target = {};
};
/// Attempts that were asked to end have had their time.
struct GraceEnded {
  RoundNumber round = 0;
};
struct JobTimedOut {};

using Event = std::variant<JobSubmitted, JobCameDue, JobRecovered, BoundaryDecided, BoundaryTimedOut, BoundaryLost,
                           TasksReported, TaskLost, RetriesCameDue, CancelRequested, PauseRequested, ResumeRequested,
                           RedriveRequested, GraceEnded, JobTimedOut, StageTimeCame, StartTimeCame, SignalReceived>;

}  // namespace coremachine
