#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <coremachine/export.hpp>

namespace coremachine {

enum class JobStatus : std::uint8_t {
  scheduled,
  queued,
  running,
  paused,
  cancelling,
  completed,
  completed_with_errors,
  failed,
  dead,
  cancelled,
};

enum class TaskStatus : std::uint8_t { queued, running, retrying, completed, failed, dead, cancelled };

enum class StageStatus : std::uint8_t { running, completed, completed_with_errors, failed, cancelled };

inline constexpr std::array all_job_statuses{JobStatus::scheduled,
                                             JobStatus::queued,
                                             JobStatus::running,
                                             JobStatus::paused,
                                             JobStatus::cancelling,
                                             JobStatus::completed,
                                             JobStatus::completed_with_errors,
                                             JobStatus::failed,
                                             JobStatus::dead,
                                             JobStatus::cancelled};

inline constexpr std::array all_task_statuses{TaskStatus::queued,    TaskStatus::running, TaskStatus::retrying,
                                              TaskStatus::completed, TaskStatus::failed,  TaskStatus::dead,
                                              TaskStatus::cancelled};

constexpr std::string_view to_string(JobStatus status) {
  switch (status) {
    case JobStatus::scheduled: return "scheduled";
    case JobStatus::queued: return "queued";
    case JobStatus::running: return "running";
    case JobStatus::paused: return "paused";
    case JobStatus::cancelling: return "cancelling";
    case JobStatus::completed: return "completed";
    case JobStatus::completed_with_errors: return "completed_with_errors";
    case JobStatus::failed: return "failed";
    case JobStatus::dead: return "dead";
    case JobStatus::cancelled: return "cancelled";
  }
  return "?";
}

constexpr std::string_view to_string(TaskStatus status) {
  switch (status) {
    case TaskStatus::queued: return "queued";
    case TaskStatus::running: return "running";
    case TaskStatus::retrying: return "retrying";
    case TaskStatus::completed: return "completed";
    case TaskStatus::failed: return "failed";
    case TaskStatus::dead: return "dead";
    case TaskStatus::cancelled: return "cancelled";
  }
  return "?";
}

constexpr std::string_view to_string(StageStatus status) {
  switch (status) {
    case StageStatus::running: return "running";
    case StageStatus::completed: return "completed";
    case StageStatus::completed_with_errors: return "completed_with_errors";
    case StageStatus::failed: return "failed";
    case StageStatus::cancelled: return "cancelled";
  }
  return "?";
}

COREMACHINE_API std::optional<JobStatus> job_status_from(std::string_view text);
COREMACHINE_API std::optional<TaskStatus> task_status_from(std::string_view text);
COREMACHINE_API std::optional<StageStatus> stage_status_from(std::string_view text);

constexpr bool is_terminal(JobStatus status) {
  switch (status) {
    case JobStatus::scheduled:
    case JobStatus::queued:
    case JobStatus::running:
    case JobStatus::paused:
    case JobStatus::cancelling: return false;
    case JobStatus::completed:
    case JobStatus::completed_with_errors:
    case JobStatus::failed:
    case JobStatus::dead:
    case JobStatus::cancelled: return true;
  }
  return true;
}

/// Why a job moves from one status to another.
enum class JobCause : std::uint8_t {
  came_due,    ///< its `run_at` has come
  work_began,  ///< its first stage is decided, or a task of it was handed out
  pause,
  resume,
  cancel_asked,  ///< cancelled while attempts of it run
  cancel_done,   ///< cancelled, and nothing of it runs
  finished,      ///< its last stage is joined and its result is there
  failed,        ///< a join missed, a handler threw, time ran out
  died,          ///< a configuration error or a poison task
  redrive,       ///< an explicit retry
};

struct JobTransition {
  JobStatus from;
  JobStatus to;
  JobCause cause;
};

/// Every legal change of a job's status. The machine takes no other, and the tests walk all of them.
inline constexpr std::array job_transitions{
    JobTransition{JobStatus::scheduled, JobStatus::queued, JobCause::came_due},
    JobTransition{JobStatus::scheduled, JobStatus::paused, JobCause::pause},
    JobTransition{JobStatus::scheduled, JobStatus::cancelled, JobCause::cancel_done},

    JobTransition{JobStatus::queued, JobStatus::running, JobCause::work_began},
    JobTransition{JobStatus::queued, JobStatus::paused, JobCause::pause},
    JobTransition{JobStatus::queued, JobStatus::cancelled, JobCause::cancel_done},
    JobTransition{JobStatus::queued, JobStatus::failed, JobCause::failed},
    JobTransition{JobStatus::queued, JobStatus::dead, JobCause::died},

    JobTransition{JobStatus::running, JobStatus::paused, JobCause::pause},
    JobTransition{JobStatus::running, JobStatus::cancelling, JobCause::cancel_asked},
    JobTransition{JobStatus::running, JobStatus::cancelled, JobCause::cancel_done},
    JobTransition{JobStatus::running, JobStatus::completed, JobCause::finished},
    JobTransition{JobStatus::running, JobStatus::completed_with_errors, JobCause::finished},
    JobTransition{JobStatus::running, JobStatus::failed, JobCause::failed},
    JobTransition{JobStatus::running, JobStatus::dead, JobCause::died},

    JobTransition{JobStatus::paused, JobStatus::scheduled, JobCause::resume},
    JobTransition{JobStatus::paused, JobStatus::queued, JobCause::resume},
    JobTransition{JobStatus::paused, JobStatus::running, JobCause::resume},
    JobTransition{JobStatus::paused, JobStatus::cancelling, JobCause::cancel_asked},
    JobTransition{JobStatus::paused, JobStatus::cancelled, JobCause::cancel_done},
    JobTransition{JobStatus::paused, JobStatus::completed, JobCause::finished},
    JobTransition{JobStatus::paused, JobStatus::completed_with_errors, JobCause::finished},
    JobTransition{JobStatus::paused, JobStatus::failed, JobCause::failed},
    JobTransition{JobStatus::paused, JobStatus::dead, JobCause::died},

    JobTransition{JobStatus::cancelling, JobStatus::cancelled, JobCause::cancel_done},

    JobTransition{JobStatus::completed_with_errors, JobStatus::queued, JobCause::redrive},
    JobTransition{JobStatus::failed, JobStatus::queued, JobCause::redrive},
    JobTransition{JobStatus::dead, JobStatus::queued, JobCause::redrive},
    JobTransition{JobStatus::cancelled, JobStatus::queued, JobCause::redrive},
};

constexpr bool is_legal(JobStatus from, JobStatus to, JobCause cause) {
  for (const auto& row : job_transitions) {
    if (row.from == from && row.to == to && row.cause == cause) return true;
  }
  return false;
}

}  // namespace coremachine
