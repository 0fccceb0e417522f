#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <coremachine/model/ids.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/model/time.hpp>

#include "core/model/text.hpp"

namespace coremachine {

/// A chunk is a contiguous index range of one round: the unit of definition, dispatch, result segments, counts and
/// paging. Every chunk of a round but the last has this many tasks.
inline constexpr std::uint32_t chunk_size = 1024;

using RoundNumber = std::uint32_t;
using ChunkNumber = std::uint32_t;
/// Position of a task within its chunk.
using ChunkOffset = std::uint32_t;
using SpecNumber = std::uint16_t;

/// What the tasks of a round have in common: most rounds have one, a round of mixed tasks has a few.
struct SharedSpec {
  std::string task_type;
  RetryPolicy retry;
  Milliseconds timeout{0};        ///< of one attempt; 0: none
  Milliseconds heartbeat{0};      ///< the longest silence of an attempt; 0: it need not be heard of
  Milliseconds start_timeout{0};  ///< the longest that a task waits to start; 0: as long as it takes
  bool pure = false;
  bool critical = false;

  friend bool operator==(const SharedSpec&, const SharedSpec&) = default;
};

/// The definitions of one chunk, append-only.
struct DefinitionSegment {
  RoundNumber round = 0;
  ChunkNumber chunk = 0;
  TaskIndex first = 0;
  std::uint32_t count = 0;
  SpecNumber spec = 0;                 ///< of all tasks, when `specs` is empty
  std::vector<SpecNumber> specs = {};  ///< one per task, when they differ
  Text body;                           ///< JSON array of params, one for each task

  SpecNumber spec_of(ChunkOffset offset) const { return specs.empty() ? spec : specs[offset]; }
};

enum class OutcomeKind : std::uint8_t {
  completed,  ///< final; body: results
  failed,     ///< final; body: errors
  dead,       ///< final; body: errors
  retrying,   ///< will be tried again; body: errors
  lost,       ///< the process died while this ran alone; no body
  progress,   ///< it still runs, and this is how far it has come; no body
};

constexpr bool is_final(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::completed:
    case OutcomeKind::failed:
    case OutcomeKind::dead: return true;
    case OutcomeKind::retrying:
    case OutcomeKind::lost:
    case OutcomeKind::progress: return false;
  }
  return false;
}

/// Outcomes of tasks of one chunk, as one worker reported them, append-only.
struct OutcomeSegment {
  RoundNumber round = 0;
  ChunkNumber chunk = 0;
  std::uint32_t sequence = 0;  ///< within (job, round)
  OutcomeKind kind = OutcomeKind::completed;
  ChunkOffset first = 0;  ///< the lowest offset in the chunk
  std::uint32_t count = 0;
  std::vector<ChunkOffset> offsets = {};  ///< empty: first, first + 1, …
  std::uint32_t attempt = 1;              ///< of all, when `attempts` is empty
  std::vector<std::uint32_t> attempts = {};
  Timestamp started_at{};
  Timestamp finished_at{};
  std::vector<std::uint32_t> finished_ms = {};  ///< per task, since started_at; empty: all at finished_at
  std::vector<Milliseconds::rep> due_ms =
      {};  ///< retrying only: when, in ms since the epoch; one for each, or one for all
  std::string worker = {};
  bool one_for_all = false;  ///< the body is one value that stands for every task
  /// Failed and dead only: the sequence of the event that tells of the first of them, the next ones follow; 0: none is
  /// told.
  std::uint64_t event = 0;
  /// JSON that the stage goes on with. Completed: the results folded, null: not yet. Retrying: an array of what each
  /// had come to, null: nothing. Progress: that.
  Text carry = {};
  Text body = {};  ///< JSON array with one value for each task, or that one value

  ChunkOffset offset_at(std::uint32_t i) const { return offsets.empty() ? first + i : offsets[i]; }
  std::uint32_t attempt_at(std::uint32_t i) const { return attempts.empty() ? attempt : attempts[i]; }
  Timestamp finished_at_of(std::uint32_t i) const {
    return finished_ms.empty() ? finished_at : started_at + Milliseconds{finished_ms[i]};
  }
  Milliseconds::rep due_at(std::uint32_t i) const { return due_ms.size() == 1 ? due_ms[0] : due_ms[i]; }
};

}  // namespace coremachine
