#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

ExitCode exit_code_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::unknown_job_type:
    case ErrorCode::unknown_job:
    case ErrorCode::unknown_schedule:
    case ErrorCode::unknown_task:
    case ErrorCode::store_missing: return ExitCode::not_found;
    case ErrorCode::invalid_name:
    case ErrorCode::invalid_params:
    case ErrorCode::unresolvable:
    case ErrorCode::invalid_argument: return ExitCode::usage;
    case ErrorCode::key_conflict:
    case ErrorCode::wrong_state:
    case ErrorCode::not_finished: return ExitCode::not_allowed;
    case ErrorCode::store_full:
    case ErrorCode::store_failed:
    case ErrorCode::store_locked:
    case ErrorCode::store_damaged:
    case ErrorCode::overloaded:
    case ErrorCode::draining: return ExitCode::unreachable;
    case ErrorCode::timed_out:
    case ErrorCode::job_timeout:
    case ErrorCode::stage_deadline:
    case ErrorCode::gate_timeout: return ExitCode::timed_out;
    case ErrorCode::task_failed:
    case ErrorCode::too_many_failures:
    case ErrorCode::handler_threw:
    case ErrorCode::handler_contract:
    case ErrorCode::poison:
    case ErrorCode::boundary_timeout:
    case ErrorCode::cancelled: return ExitCode::job_failed;
  }
  return ExitCode::job_failed;
}

ExitCode exit_code_for(const JobView& job) {
  switch (job.status) {
    case JobStatus::completed:
    case JobStatus::completed_with_errors: return ExitCode::done;
    case JobStatus::scheduled:
    case JobStatus::queued:
    case JobStatus::running:
    case JobStatus::paused:
    case JobStatus::cancelling: return ExitCode::timed_out;
    case JobStatus::failed:
      return job.error && job.error->code == ErrorCode::job_timeout ? ExitCode::timed_out : ExitCode::job_failed;
    case JobStatus::dead:
    case JobStatus::cancelled: return ExitCode::job_failed;
  }
  return ExitCode::job_failed;
}

}  // namespace coremachine::cli
