// What is asked of the machine is checked, and answered from the store where that can tell.

#include <utility>

#include <coremachine/params/faults.hpp>
#include <coremachine/telemetry/trace.hpp>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/fingerprint.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {

Result<Submission> Shell::check(std::string_view job_type, const json::object& params, const SubmitOptions& options) {
  const auto* info = jobs_.frozen_info(job_type);
  if (!info) return jobs_.get_info(job_type).error();
  if (!info->enabled) return Error{ErrorCode::wrong_state, "job type \"" + info->name + "\" is disabled"};
  const auto bad = [](std::string why) { return Error{ErrorCode::invalid_argument, std::move(why)}; };
  if (options.priority < -100 || options.priority > 100) {
    return bad("priority is " + std::to_string(options.priority) + "; it goes from -100 to 100");
  }
  if (options.delay && options.run_at) return bad("run_at and delay exclude each other");
  if (options.delay && options.delay->count() < 0) return bad("delay is negative");
  if (options.timeout && options.timeout->count() <= 0) return bad("timeout has to be longer than nothing");
  if (info->validate_params) {
    if (auto faults = info->validate_params(params); !faults.empty()) return params::invalid_params(std::move(faults));
  }
  Submission submission;
  std::string text;
  try {
    if (const auto fault = large_values_.append(text, params, large_values_.limit(), submission.artifacts)) {
      return Error{ErrorCode::invalid_params, "the params are not valid JSON: " + *fault};
    }
  } catch (const ArtifactFailure& failure) {
    return failure.error();
  }
  submission.type = info->name;
  submission.version = info->version;
  submission.params = make_text(std::move(text));
  submission.priority = options.priority;
  submission.tags = options.tags;
  submission.run_at = options.delay ? std::optional(now() + *options.delay) : options.run_at;
  submission.timeout = options.timeout;
  submission.idempotency_key = options.idempotency_key;
  // A trace never keeps a job from running: what is none is left out, as the specification says.
  if (const auto trace = TraceParent::parse(options.traceparent)) submission.traceparent = trace->str();
  submission.unique = info->unique_by_params;
  if (submission.unique || !submission.idempotency_key.empty())
    submission.fingerprint = fingerprint_of(info->name, params);
  return submission;
}

std::optional<Error> Shell::check_limit(std::string_view task_type, const TypeLimit& limit) const {
  const auto info = tasks_.get_info(task_type);
  if (!info) return info.error();
  if (!(limit.rate >= 0) || limit.rate > 1e9)
    return Error{ErrorCode::invalid_argument, "a rate is a number of tasks a second from 0 to 1,000,000,000"};
  if (limit.burst > 0 && limit.rate == 0) return Error{ErrorCode::invalid_argument, "a burst needs a rate"};
  return std::nullopt;
}

Result<JobView> Shell::stored_view(JobId job) const {
  const std::shared_lock lock(store_mutex_);
  try {
    const Error unknown{ErrorCode::unknown_job, "there is no job " + job.str()};
    const auto row = setup_.store ? setup_.store->read_row(job) : std::nullopt;
    if (!row) return unknown;
    if (auto decoded = decode_job(*row, {}); decoded.last_round <= 1) return make_view(decoded);
    // Its other rounds have rows of their own; all are of one moment.
    const auto stored = setup_.store->read_job(job);
    if (!stored) return unknown;
    return make_view(decode_job(stored->job, stored->rounds));
  } catch (const Failure& failure) {
    return failure.error();
  }
}

}  // namespace coremachine::runtime
