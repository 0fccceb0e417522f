#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <coremachine/model/time.hpp>

namespace coremachine {

/// When a failed attempt is tried again. Only failures use attempts up; an attempt lost with its process does not.
struct RetryPolicy {
  std::uint32_t max_attempts = 3;
  Milliseconds first_delay{1000};
  double factor = 2.0;
  Milliseconds max_delay{60'000};
  bool jitter = true;  ///< a delay is drawn from its upper half, so that what failed together does not return together

  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

/// How many of a stage's tasks must complete.
struct JoinAll {
  friend bool operator==(const JoinAll&, const JoinAll&) = default;
};
struct JoinBestEffort {
  friend bool operator==(const JoinBestEffort&, const JoinBestEffort&) = default;
};
struct JoinAtLeast {
  std::uint64_t count = 0;
  friend bool operator==(const JoinAtLeast&, const JoinAtLeast&) = default;
};
struct JoinTolerateCount {
  std::uint64_t count = 0;
  friend bool operator==(const JoinTolerateCount&, const JoinTolerateCount&) = default;
};
struct JoinToleratePercent {
  double percent = 0;
  friend bool operator==(const JoinToleratePercent&, const JoinToleratePercent&) = default;
};
/// The tasks that are defined as `critical`; the others may fail, and are stragglers when the critical ones are done.
struct JoinCritical {
  friend bool operator==(const JoinCritical&, const JoinCritical&) = default;
};
using Join = std::variant<JoinAll, JoinBestEffort, JoinAtLeast, JoinTolerateCount, JoinToleratePercent, JoinCritical>;

/// What becomes of the tasks that still run or wait when the outcome of a join is certain.
enum class Stragglers : std::uint8_t { cancel, wait };

/// How many tasks of a type run at a time, of all jobs, and how many begin in a second. 0: no limit.
struct TypeLimit {
  std::uint32_t max_concurrency = 0;
  double rate = 0;          ///< a second
  std::uint32_t burst = 0;  ///< that may begin at once after a quiet time; 0: a tenth of a second's worth
  bool paused = false;      ///< none starts

  friend bool operator==(const TypeLimit&, const TypeLimit&) = default;
};

/// A stage without tasks that waits: for a signal by name, or for a time, or for whichever comes first.
struct Gate {
  std::string signal = {};                ///< empty: only time opens it
  std::optional<Milliseconds> wait = {};  ///< from when the stage began
  bool must_come = false;                 ///< the signal: when the time is over without it, the job fails

  friend bool operator==(const Gate&, const Gate&) = default;
};

/// How a stage is run. The defaults are those of a stage that says nothing.
struct StagePolicy {
  Join join = JoinAll{};
  Stragglers stragglers = Stragglers::cancel;
  std::uint32_t max_concurrency = 0;         ///< 0: no limit of its own
  std::optional<RetryPolicy> retry = {};     ///< for tasks of this stage that do not say otherwise
  std::optional<Milliseconds> timeout = {};  ///< of one attempt, likewise
  /// The longest that a task waits for a worker from when it may start, likewise; then it has failed.
  std::optional<Milliseconds> start_timeout = {};
  std::optional<Milliseconds> deadline = {};  ///< of the stage: then it is joined with what has completed
  bool lazy = false;                          ///< its tasks are pulled as they are needed
  std::uint32_t max_visits = 0;               ///< how often a job may come to this stage; 0: no limit of its own
  std::optional<Gate> gate = {};              ///< the stage has no tasks and waits

  friend bool operator==(const StagePolicy&, const StagePolicy&) = default;
};

}  // namespace coremachine
