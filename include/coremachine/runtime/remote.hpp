#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/registry/task_handler.hpp>

namespace coremachine {

// Tasks that run in other processes. Whoever takes some is given a lease on them: a hand-out of tasks of one type of
// one chunk of one job. It lasts as long as it is renewed; what was not reported by its end is handed out anew. A lease
// is on disk before it is given out, so that it outlives a restart of the machine.

/// Names one hand-out, for ever.
struct COREMACHINE_API LeaseId {
  std::uint64_t value = 0;

  /// Hexadecimal digits, for those who pass it on: nothing is to be read from it.
  std::string str() const;
  static std::optional<LeaseId> parse(std::string_view text);
  friend auto operator<=>(const LeaseId&, const LeaseId&) = default;
};

/// One attempt of a task.
struct RemoteTask {
  TaskIndex index = 0;
  std::uint32_t attempt = 1;
  std::string params = {};    ///< JSON object; it may be a reference to an artifact in the place of one
  std::string progress = {};  ///< JSON: what earlier attempts had come to; empty: nothing
};

struct HandOut {
  LeaseId lease;
  JobId job;
  int stage = 0;
  std::uint32_t round = 0;
  std::uint32_t defined_in = 0;  ///< the round that names the task in its idempotency key
  std::string task_type;
  std::string resolver_id = "default";
  Milliseconds timeout{0};    ///< of one attempt; 0: none
  Milliseconds heartbeat{0};  ///< the longest silence of an attempt's handler; 0: it need not be heard of
  Milliseconds term{0};       ///< the lease ends if it is not renewed for so long
  Timestamp offered_at{};     ///< since when they might have run
  bool alone = false;         ///< they may be what ended a worker: nothing else is to run beside them
  std::string traceparent = {};
  std::vector<RemoteTask> tasks = {};  ///< by index, ascending
};

/// Who takes tasks.
struct RemoteWorker {
  std::string name;                          ///< of this process or connection alone
  std::string kind = "http";                 ///< how it is connected
  std::uint32_t concurrency = 1;             ///< tasks that it runs at a time
  std::vector<std::string> task_types = {};  ///< that it can run
  bool many = false;  ///< it passes tasks on to several workers, which renew the leases under their own names
  std::string resolver_id = "default";  ///< it takes tasks of types that are resolved by this one
};

/// What became of one attempt.
struct RemoteOutcome {
  enum class Kind : std::uint8_t {
    completed,
    failed,
    returned,  ///< never begun: the attempt was not made
  };
  TaskIndex index = 0;
  std::uint32_t attempt = 1;
  Kind kind = Kind::completed;
  std::string result = {};    ///< completed: JSON
  TaskFailure failure = {};   ///< failed
  std::string progress = {};  ///< failed: JSON, how far it had come; empty: it did not say
  std::chrono::microseconds took{0};
};

/// Outcomes of tasks of one lease, some or all that are left of it.
struct RemoteReport {
  LeaseId lease;
  std::vector<RemoteOutcome> outcomes = {};
};

/// How far an attempt that runs has come.
struct RemoteProgress {
  TaskIndex index = 0;
  std::uint32_t attempt = 1;
  std::string progress;  ///< JSON
};

/// A lease that is to go on.
struct LeaseRenewal {
  LeaseId lease;
  std::vector<RemoteProgress> progress = {};
};

enum class LeaseState : std::uint8_t {
  held,       ///< its tasks are wanted
  recalled,   ///< what has not begun is to be returned: others may have it sooner
  cancelled,  ///< nobody waits for its tasks: what runs may end, and is reported all the same
  gone,       ///< all of it was reported, or it has ended: what is left of it is dropped
};
COREMACHINE_API std::string_view to_string(LeaseState state);

struct LeaseNews {
  LeaseId lease;
  LeaseState state = LeaseState::held;
};

}  // namespace coremachine
