#pragma once

#include <algorithm>
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
#include <coremachine/model/status.hpp>

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
  std::string version = "1";
  std::uint32_t attempt = 1;
  Text params;
  std::map<int, Text> stage_results = {};      ///< of closed stages
  std::map<int, RoundNumber> defined_in = {};  ///< the round with the tasks of each stage that has ended
  TaskCounts counts = {};                      ///< of the round that closes
  std::vector<RoundNumber> rounds = {};        ///< where its outcomes are: its lineage, then itself
  bool is_inline = false;
  std::vector<OutcomeSegment> outcomes = {};  ///< if inline
  std::optional<Signal> signal = {};          ///< that opened the gate of the round that closes
  StagePolicy policy = {};                    ///< of the round that closes, or is pulled for
  std::vector<SharedSpec> specs = {};         ///< of a pull: those of the round so far
  ChunkNumber chunks = 0;                     ///< of a pull: how many the round has
  TaskSource source = {};                     ///< of a pull: where it goes on
};

// What the shell carries out. By the time an action is given out, everything it must not run ahead of is durable.

struct RunBoundary {
  std::shared_ptr<const HandlerCall> call;  ///< it is large, and goes through many hands
  bool alone = false;                       ///< a suspect: nothing else runs beside it
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
  SharedSpec spec;
  Text definitions = {};     ///< of the whole chunk; null: read them from the store
  bool alone = false;        ///< a suspect: nothing else runs beside it
  std::string fold_by = {};  ///< the job type that folds the results; empty: they are not folded
  std::string fold_version = {};
  std::string traceparent = {};
};
/// What a worker elsewhere is told of the tasks that it has.
enum class LeaseStatus : std::uint8_t {
  held,
  recalled,   ///< what has not begun is to come back
  cancelled,  ///< nobody waits for them
  gone,       ///< the lease has ended
};
/// Tasks of this slice that have not started come back; those that run go on.
struct RecallSlice {
  SliceId id = 0;
};
/// As RecallSlice, and what runs is told that it is no longer wanted.
struct StopSlice {
  SliceId id = 0;
};
/// What is asked of the tasks of a job's current round that are not finished.
struct LiveAsk {
  std::optional<RoundNumber> round = {};  ///< only if this is the current one
  int stage = 0;                          ///< likewise; 0: any
  TaskIndex from = 0;                     ///< tasks from here on are listed
  std::size_t limit = 0;
  std::array<bool, all_task_statuses.size()> statuses = {};  ///< of these that are listed
  std::uint64_t cells = 0;  ///< those of a range are counted in so many cells at most; 0: they are not
  TaskIndex cells_from = 0;
  std::uint64_t cells_count = UINT64_MAX;  ///< tasks of the range, if there are so many
};
struct LiveTask {
  TaskIndex index = 0;
  TaskStatus status = TaskStatus::queued;
  std::uint32_t attempt = 0;
  std::optional<Timestamp> since = {};  ///< if it runs
  Text progress = {};
};
struct LiveCell {
  std::uint64_t running = 0;
  std::uint64_t retrying = 0;
};
struct LiveTasks {
  RoundNumber round = 0;  ///< 0: the one that was asked for is not current
  bool open = false;      ///< else what is not finished never will be
  TaskCounts counts = {};
  std::vector<LiveTask> tasks = {};
  TaskIndex end = 0;  ///< those before it were looked at
  std::map<std::uint64_t, LiveCell> cells = {};
};
/// How many tasks a cell has if `total` are spread over at most `cells`: where it is more than a chunk, whole chunks,
/// so that the counts of chunks are enough.
inline std::uint64_t cell_size(std::uint64_t total, std::uint64_t cells) {
  const auto size = std::max<std::uint64_t>(1, (total + cells - 1) / cells);
  return size <= chunk_size ? size : (size + chunk_size - 1) / chunk_size * chunk_size;
}
/// Tasks `first` to before `end`, in cells of one size.
struct CellGrid {
  TaskIndex first = 0;
  TaskIndex end = 0;
  std::uint64_t size = 1;

  bool has(TaskIndex index) const { return index >= first && index < end; }
  std::uint64_t cell_of(TaskIndex index) const { return (index - first) / size; }
  std::uint64_t cells() const { return (end - first + size - 1) / size; }
};
inline CellGrid cell_grid(std::uint64_t total, const LiveAsk& ask) {
  CellGrid grid;
  grid.first = std::min(total, ask.cells_from);
  grid.end = grid.first + std::min(total - grid.first, ask.cells_count);
  grid.size = cell_size(grid.end - grid.first, std::max<std::uint64_t>(1, ask.cells));
  return grid;
}
struct LiveCounts {
  JobId job;
  RoundNumber round = 0;
  TaskCounts counts = {};
};

/// What a request has come to.
struct Answer {
  RequestId request = 0;
  std::optional<Error> error = {};
  JobId job = {};
  std::shared_ptr<const Job> view = {};  ///< for requests that ask for the job
  std::vector<Reason> reasons = {};      ///< for those that ask why it is not finished
  bool existing = false;                 ///< of a submission that was there already
  std::shared_ptr<const LiveTasks> tasks = {};
  std::vector<LiveCounts> counts = {};
  std::vector<RunSlice> slices = {};                         ///< for workers elsewhere, under leases
  std::vector<std::pair<SliceId, LeaseStatus>> leases = {};  ///< what became of them
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
