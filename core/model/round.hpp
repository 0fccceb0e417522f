#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/model/status.hpp>
#include <coremachine/model/view.hpp>

#include "core/model/bits.hpp"
#include "core/model/fifo.hpp"
#include "core/model/segment.hpp"

namespace coremachine {

/// What is remembered of a task that did not simply run once.
struct TaskNote {
  enum class State : std::uint8_t { running, waiting, retrying, finished };
  std::uint32_t attempt = 0;   ///< the last one handed out; never reset
  std::uint16_t failures = 0;  ///< that count against the retry policy
  std::uint8_t losses = 0;     ///< deaths of the process while it ran alone
  State state = State::waiting;
  std::uint16_t crowd = 0;  ///< how many a lost worker had with it, one of which may be the cause; 0: none
};

/// The tasks of one chunk. While a task runs once and completes, one bit is all that is kept of it.
struct Chunk {
  TaskIndex first = 0;
  std::uint32_t count = 0;
  SpecNumber spec = 0;
  std::vector<SpecNumber> specs = {};  ///< per task, when they differ
  ChunkOffset fresh = 0;               ///< offsets from here on were never handed out
  std::uint32_t finished_count = 0;
  bool offered = false;              ///< its tasks may be handed out
  Timestamp offered_at{};            ///< since when
  OffsetSet finished = {};           ///< the join's truth: completed, failed or dead
  std::vector<TaskNote> notes = {};  ///< empty, or one for each task
  Text definitions = {};             ///< JSON array of params; null: read them from the store

  SpecNumber spec_of(ChunkOffset offset) const { return specs.empty() ? spec : specs[offset]; }
  bool complete() const { return finished_count == count; }
};

/// A single task that may be handed out.
struct ReadyTask {
  TaskIndex index = 0;
  Timestamp since{};
};

/// Tasks of one spec that may be handed out: whole chunks never touched, and single tasks that came back.
struct ReadyQueue {
  Fifo<ChunkNumber> chunks = {};
  Fifo<ReadyTask> tasks = {};
  std::uint64_t count = 0;  ///< tasks, all told
  bool empty() const { return chunks.empty() && tasks.empty(); }
};

/// What is left to do before a round is over.
enum class RoundPhase : std::uint8_t {
  open,      ///< tasks are handed out
  stopping,  ///< nothing new starts; what runs is asked to end
  joined,    ///< every task has its outcome; the handler's decision is due
  closed,    ///< decided
};

/// How a stopping round ends.
enum class StopReason : std::uint8_t {
  none,
  join_met,
  join_missed,
  task_died,
  cancelled,
  job_timeout,
  deadline,        ///< of the stage
  handler_failed,  ///< pulling more tasks; the job's error says how
};

/// Where the tasks of a lazy round come from.
struct TaskSource {
  Text cursor = {};  ///< JSON: where the next pull goes on
  bool ended = false;
  /// Tasks that were pulled and do not fill a chunk: they come first in the next one.
  std::optional<DefinitionSegment> rest = {};
  std::uint32_t pull_chunks = 1;  ///< how many chunks the next pull is asked for
  Timestamp pulled_at{};
};

/// Something that an outsider told the job.
struct Signal {
  std::string name;
  Text data = {};  ///< JSON
};

/// The tasks of a round that are critical; the others do not decide its join.
struct CriticalCounts {
  std::uint64_t total = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
};

/// What a round had when it began.
struct OpenedAs {
  std::uint64_t total = 0;      ///< tasks; a lazy round gets more
  std::uint64_t completed = 0;  ///< in the rounds that it goes on from
  friend bool operator==(const OpenedAs&, const OpenedAs&) = default;
};

/// One execution of a stage.
struct Round {
  RoundNumber number = 0;
  int stage = 0;
  std::vector<RoundNumber> lineage = {};  ///< earlier rounds that this one goes on from: the first defines the tasks
  StagePolicy policy = {};
  StageStatus status = StageStatus::running;
  RoundPhase phase = RoundPhase::open;
  StopReason stop = StopReason::none;
  TaskCounts counts = {};
  std::optional<Error> first_error = {};
  Text result = {};  ///< null until it is closed
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};

  std::vector<SharedSpec> specs = {};
  std::vector<Chunk> chunks = {};
  std::vector<ReadyQueue> ready = {};  ///< one for each spec
  std::uint64_t ready_count = 0;
  std::uint32_t next_spec = 0;  ///< where the turn over specs goes on
  std::map<Timestamp, std::vector<TaskIndex>> retries = {};
  std::map<TaskIndex, Text> progress = {};  ///< how far attempts had come, of tasks that are not finished
  std::uint32_t next_sequence = 0;
  CriticalCounts critical = {};
  OpenedAs opened = {};
  std::uint64_t started_event = 0;        ///< sequence of the event that it began
  std::uint64_t closed_event = 0;         ///< and ended
  std::uint32_t told_failures = 0;        ///< of its tasks: how many had an event
  bool folds = false;                     ///< its results are folded as they come
  std::optional<TaskSource> source = {};  ///< of a lazy round
  bool gate_open = false;
  std::optional<Signal> signal = {};  ///< that opened its gate

  /// A small round keeps its definitions and outcomes with the job instead of in segments of their own.
  bool is_inline = false;
  std::size_t inline_bytes = 0;
  std::vector<DefinitionSegment> inline_definitions = {};
  std::vector<OutcomeSegment> inline_outcomes = {};

  /// The round whose definitions the tasks have.
  RoundNumber defined_in() const { return lineage.empty() ? number : lineage.front(); }
  bool total_known() const { return !source || source->ended; }
};

/// A round that the job has left behind: what readers and later stages need of it.
struct ClosedRound {
  RoundNumber number = 0;
  int stage = 0;
  std::vector<RoundNumber> lineage = {};
  StageStatus status = StageStatus::completed;
  TaskCounts counts = {};
  Text result = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
  StagePolicy policy = {};
  std::vector<SharedSpec> specs = {};
  OpenedAs opened = {};
  std::uint64_t started_event = 0;
  std::uint64_t closed_event = 0;
  bool folds = false;
  std::optional<TaskSource> source = {};
  bool is_inline = false;
  std::vector<DefinitionSegment> inline_definitions = {};
  std::vector<OutcomeSegment> inline_outcomes = {};
};

}  // namespace coremachine
