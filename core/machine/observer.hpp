#pragma once

#include <cstdint>
#include <string>

#include <coremachine/model/status.hpp>

#include "core/model/event.hpp"
#include "core/model/job.hpp"
#include "core/model/lease.hpp"

namespace coremachine::machine {

/// Is told what happens, for those who count. Called by whoever drives the engine; it must not change anything.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Taken, or taken up again: then its attempt is above 1.
  virtual void job_accepted(const Job& job) = 0;
  virtual void job_ended(const Job& job) = 0;
  /// For good: completed, failed or dead.
  virtual void tasks_ended(const std::string& task_type, TaskStatus status, std::uint64_t count) = 0;
  /// A round has ended, and so many of its tasks were not wanted any more.
  virtual void tasks_cancelled(std::uint64_t count) = 0;
  /// A worker elsewhere has reported attempts of tasks that might run since then.
  virtual void reported(const std::string& task_type, Timestamp offered_at, const Report& report) = 0;
  /// A worker elsewhere was not heard of any more.
  virtual void lease_lost(const Lease& lease) = 0;
};

/// What the shell is told of jobs that nobody follows, for its log.
enum class Tell : std::uint8_t {
  nothing,
  failures,    ///< the first failed task of a round; a job that ends failed or dead
  everything,  ///< all that is published, but for progress
};

}  // namespace coremachine::machine
