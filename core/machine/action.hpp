#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <coremachine/model/reason.hpp>

#include "core/model/effect.hpp"
#include "core/model/job.hpp"

namespace coremachine::machine {

using SliceId = std::uint64_t;
using RequestId = std::uint64_t;

/// What a job handler is given at a boundary.
struct HandlerCall {
  JobId job;
  Boundary boundary;
  std::string job_type;
  std::string version;
  std::uint32_t attempt = 1;
  Text params;
  std::map<int, Text> stage_results = {};  ///< of closed stages
  TaskCounts counts = {};                  ///< of the round that closes
  std::vector<RoundNumber> rounds = {};    ///< where its outcomes are: its lineage, then itself
  bool is_inline = false;
  std::vector<OutcomeSegment> outcomes = {};  ///< if inline
  std::optional<Signal> signal = {};          ///< that opened the gate of the round that closes
  StagePolicy policy = {};                    ///< of the round that closes, or is pulled for
  std::vector<TaskSpec> specs = {};           ///< of a pull: those of the round so far
  ChunkNumber chunks = 0;                     ///< of a pull: how many the round has
  TaskSource source = {};                     ///< of a pull: where it goes on
};

// What the shell carries out. By the time an action is given out, everything it must not run ahead of is durable.

struct RunBoundary {
  HandlerCall call;
  bool alone = false;  ///< a suspect: nothing else runs beside it
};
/// The answer to this call will be void; its handler may be told.
struct StopBoundary {
  JobId job;
  BoundaryNumber boundary = 0;
};
/// If this call has not begun, it comes back by `boundary_returned`: its time is not to run out in a queue.
struct RecallBoundary {
  JobId job;
  BoundaryNumber boundary = 0;
};
struct RunSlice {
  SliceId id = 0;
  Slice slice;
  TaskSpec spec;
  Text definitions = {};     ///< of the whole chunk; null: read them from the store
  bool alone = false;        ///< a suspect: nothing else runs beside it
  std::string fold_by = {};  ///< the job type that folds the results; empty: they are not folded
  std::string fold_version = {};
  std::string traceparent = {};
};
/// Tasks of this slice that have not started come back; those that run go on.
struct RecallSlice {
  SliceId id = 0;
};
/// As RecallSlice, and what runs is told that it is no longer wanted.
struct StopSlice {
  SliceId id = 0;
};
/// What a request has come to.
struct Answer {
  RequestId request = 0;
  std::optional<Error> error = {};
  JobId job = {};
  std::shared_ptr<const Job> view = {};  ///< for requests that ask for the job
  std::vector<Reason> reasons = {};      ///< for those that ask why it is not finished
  bool existing = false;                 ///< of a submission that was there already
};
/// Give the job of a redrive back as `adopt_for_redrive`.
struct LoadJob {
  JobId job;
  RequestId request = 0;
};
/// For those who follow this job, and for the log.
struct Announce {
  JobId job;
  Publish what;
  std::string job_type = {};
  std::string traceparent = {};
  std::optional<Error> error = {};  ///< of the job, when it has ended
};

/// An effect of the outside world: everything that the shell does is one of these or a commit.
using Action = std::variant<RunBoundary, StopBoundary, RecallBoundary, RunSlice, RecallSlice, StopSlice, Answer,
                            LoadJob, Announce>;

inline constexpr std::array<std::string_view, std::variant_size_v<Action>> action_names{
    "RunBoundary", "StopBoundary", "RecallBoundary", "RunSlice", "RecallSlice",
    "StopSlice",   "Answer",       "LoadJob",        "Announce"};

}  // namespace coremachine::machine
