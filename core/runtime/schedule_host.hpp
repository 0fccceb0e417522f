#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/view.hpp>
#include <coremachine/schedule/schedule.hpp>

#include "core/model/batch.hpp"
#include "core/schedule/schedule_step.hpp"

namespace coremachine::runtime {

/// All that schedules need of the machine that they submit jobs to. Nothing here blocks, and no `then` is called before
/// the function that was given it has returned.
class ScheduleHost {
 public:
  virtual ~ScheduleHost() = default;

  /// The wall clock; it may be set.
  virtual Timestamp now() const = 0;
  /// `then` is called, on any thread, when these settings are durable, and with them everything that was asked for
  /// before; with the error if they never will be. What is asked for later becomes durable with them or after them.
  using SavedFunction = std::function<void(std::optional<Error>)>;
  virtual void save(std::vector<Setting> settings, SavedFunction then) = 0;
  /// Whether a job of this type takes these params now.
  virtual Result<void> check(const ScheduleSpec& spec) const = 0;

  // The functions that follow call `then` where the scheduler is called.

  /// A job of the spec for that firing, once for each key; `then` when it is durable.
  virtual void submit(const ScheduleSpec& spec, const schedule::Submit& what,
                      std::function<void(Result<JobId>)> then) = 0;
  /// The job that was submitted with this key.
  virtual std::optional<JobId> find_submission(const std::string& key) const = 0;
  virtual void cancel(JobId job) = 0;
  /// `then` when the job is over, or is not there.
  virtual void await_end(JobId job, std::function<void()> then) = 0;
  virtual void show(JobId job, std::function<void(Result<JobView>)> then) = 0;
  /// For an operator.
  virtual void log(const std::string& message) const = 0;
};

}  // namespace coremachine::runtime
