#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/ids.hpp>

namespace coremachine {

enum class ErrorCode : std::uint8_t {
  // What ended a job.
  task_failed,        ///< a task ran out of attempts under a join that does not tolerate it
  too_many_failures,  ///< the join tolerated some failures, and there were more
  handler_threw,      ///< a function of the job handler threw
  handler_contract,   ///< a function of the job handler returned what no handler may return
  unknown_task,       ///< a stage names a task type that nobody declared
  unresolvable,       ///< a task that no resolver makes something callable of: an unknown strategy, resolver, name
  poison,             ///< the process died each time this ran alone
  boundary_timeout,   ///< a function of the job handler took longer than it may
  job_timeout,        ///< the job took longer than it may
  stage_deadline,     ///< the deadline of a stage passed, and too few of its tasks had completed
  gate_timeout,       ///< the signal that a gate needs did not come in time
  cancelled,          ///< somebody cancelled it
  // What refused a request.
  unknown_job_type,
  unknown_job,
  unknown_schedule,
  invalid_name,
  invalid_params,
  invalid_argument,
  wrong_state,  ///< the status of the job forbids it
  not_finished,
  key_conflict,  ///< the idempotency key was given with another submission before
  overloaded,    ///< a bounded queue is full; try again later
  draining,      ///< the machine is stopping
  timed_out,     ///< waiting ended first
  // What went wrong underneath.
  store_full,    ///< the disk is full; what was accepted is safe, new work is refused
  store_failed,  ///< the store cannot be written any more; the machine has stopped
  store_locked,  ///< another process has this store open
  store_damaged,
  store_missing,
};

COREMACHINE_API std::string_view to_string(ErrorCode code);
COREMACHINE_API std::optional<ErrorCode> error_code_from(std::string_view text);

/// One thing that is wrong with params.
struct ParamFault {
  std::string pointer;  ///< RFC 6901, into the params object: "" is the whole of it, "/message" a member
  std::string detail;   ///< `is -1, should be an integer from 0 to 100`

  friend bool operator==(const ParamFault&, const ParamFault&) = default;
};

/// What went wrong and where. For a job it is the first cause, not a consequence.
struct Error {
  ErrorCode code = ErrorCode::invalid_argument;
  std::string message;
  std::optional<int> stage = {};
  std::optional<TaskIndex> task_index = {};
  std::string task_type = {};
  std::optional<std::uint32_t> attempt = {};
  std::vector<ParamFault> faults = {};  ///< of refused params (invalid_params) all that is wrong; not stored

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = boost::system::result<T, Error>;

/// What `Result::value()` throws when there is no value.
class COREMACHINE_API Failure : public std::runtime_error {
 public:
  explicit Failure(Error error);
  const Error& error() const { return error_; }

 private:
  Error error_;
};

[[noreturn]] COREMACHINE_API void throw_exception_from_error(const Error& error, const boost::source_location& where);

}  // namespace coremachine
