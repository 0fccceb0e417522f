#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/registry/services.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/telemetry/log.hpp>
#include <coremachine/worker/transport.hpp>

namespace coremachine {

struct WorkerOptions {
  std::shared_ptr<WorkerTransport> transport;       ///< the way to the machine; due
  std::shared_ptr<WorkerArtifacts> artifacts = {};  ///< null: params are never large, and results must not be
  TaskRegistry* tasks = nullptr;                    ///< null: the process-wide one; frozen by the worker
  std::string name = {};  ///< that no other worker has; empty: made of the host, the process and chance
  std::optional<unsigned> concurrency = {};         ///< tasks that run at a time; default: one for each processor
  unsigned coroutines = 256;                        ///< coroutine tasks in flight, besides
  std::string resolver_id = "default";              ///< it takes tasks of types that are resolved by this one
  std::vector<std::string> task_types = {};         ///< that it takes; empty: all that it has a handler for
  Services services = {};                           ///< what task handlers ask their context for
  Milliseconds grace{10'000};                       ///< for attempts that were asked to end
  Milliseconds drain_limit{30'000};                 ///< for what runs when it is to end
  std::size_t large_value = std::size_t{1} << 20U;  ///< bytes of a result's JSON; what has more is kept as an artifact
  std::shared_ptr<Logger> logger = {};
};

/// How a worker has ended.
struct WorkerEnd {
  /// Why it ended by itself: the machine would not have it.
  std::optional<WorkerFault> fault = {};
  std::size_t untold = 0;      ///< tasks of which the machine could not be told: it hands them out anew
  unsigned still_running = 0;  ///< handlers that run on, although they were told to end
};

/// What a worker is at.
struct WorkerCounts {
  std::size_t waiting = 0;  ///< tasks that it was handed and has not begun
  std::size_t running = 0;
  unsigned threads = 0;        ///< for handlers, lost ones among them
  unsigned lost_threads = 0;   ///< whose handlers do not end
  std::uint64_t taken = 0;     ///< tasks, so far
  std::uint64_t reported = 0;  ///< outcomes that the machine has heard of
  bool connected = false;      ///< the last call to the machine was answered
};

/// Runs the tasks of a machine in another process: takes hand-outs, runs their handlers on threads of its own, renews
/// its leases whatever the handlers do, and reports until it is heard. A task may run more than once, here or
/// elsewhere, when a worker or its connection is lost; each has one recorded outcome.
///
/// Every function may be called from any thread.
class COREMACHINE_API Worker {
 public:
  /// Throws Failure (invalid_argument): there is no transport, a name is none, a task type lacks a handler or a
  /// service.
  explicit Worker(WorkerOptions options);
  /// Waits for handlers that run on. Not while `run` is under way.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Works until `drain` is called, or the machine refuses the very first request. Once.
  WorkerEnd run();
  /// It takes nothing more; what runs has the drain limit to end, what has not begun goes back, all is reported. At the
  /// limit what still runs is told to end, has the grace for that, and goes back. Does not wait.
  void drain();
  /// As if the drain limit were over.
  void hurry();

  const std::string& name() const;
  WorkerCounts counts() const;

 private:
  class Crew;
  std::unique_ptr<Crew> crew_;
};

}  // namespace coremachine
