#include <coremachine/runtime/core_machine.hpp>

#include <utility>

#include <coremachine/params/faults.hpp>

#include "core/model/codec.hpp"
#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/fingerprint.hpp"
#include "core/runtime/mailbox.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace {

using runtime::Mailbox;

std::shared_ptr<runtime::Listener> listener_of(const SubmitOptions& options) {
  return options.listener ? std::make_shared<runtime::Listener>(options.listener) : nullptr;
}

Result<JobView> view_of(const machine::Answer& answer) {
  if (answer.error) return *answer.error;
  return make_view(*answer.view);
}

/// A job that is not live may be over: then the refusal says what it is.
Result<JobView> or_stored(runtime::Shell& shell, JobId job, machine::Control verb, const machine::Answer& answer) {
  if (!answer.error || answer.error->code != ErrorCode::unknown_job) return view_of(answer);
  const auto stored = shell.stored_view(job);
  if (!stored) return stored;
  return machine::refusal(verb, job, stored->status).value_or(*answer.error);
}

Result<JobView> control(runtime::Shell& shell, JobId job, machine::Control verb) {
  Mailbox mailbox;
  shell.post(runtime::ControlInput{job, verb, mailbox.then()});
  return or_stored(shell, job, verb, *mailbox.wait());
}

}  // namespace

CoreMachine::CoreMachine(std::shared_ptr<runtime::Shell> shell) : shell_(std::move(shell)) {}
CoreMachine::CoreMachine(CoreMachine&&) noexcept = default;
CoreMachine::~CoreMachine() {
  if (shell_) shell_->stop();
}

void CoreMachine::stop() {
  shell_->stop();
}

Result<JobId> CoreMachine::submit(std::string_view job_type, json::object params, SubmitOptions options) {
  const auto accepted = accept(job_type, std::move(params), std::move(options));
  if (!accepted) return accepted.error();
  return accepted->job;
}

Result<Accepted> CoreMachine::accept(std::string_view job_type, json::object params, SubmitOptions options) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return submission.error();
  Mailbox mailbox;
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::accepted, mailbox.then(),
                                    listener_of(options)});
  const auto answer = *mailbox.wait();
  if (answer.error) return *answer.error;
  return Accepted{answer.job, answer.existing};
}

void CoreMachine::submit_then(std::string_view job_type, json::object params, SubmitOptions options,
                              IdHandlerFunction then) {
  accept_then(job_type, std::move(params), std::move(options), [then = std::move(then)](Result<Accepted> accepted) {
    if (accepted.has_error()) return then(accepted.error());
    then(accepted->job);
  });
}

void CoreMachine::accept_then(std::string_view job_type, json::object params, SubmitOptions options,
                              AcceptedHandlerFunction then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return then(submission.error());
  auto accepted = [then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    then(Accepted{answer.job, answer.existing});
  };
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::accepted, std::move(accepted),
                                    listener_of(options)});
}

Result<JobView> CoreMachine::run(std::string_view job_type, json::object params, SubmitOptions options) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return submission.error();
  Mailbox mailbox;
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::ended, mailbox.then(),
                                    listener_of(options)});
  return view_of(*mailbox.wait());
}

void CoreMachine::run_then(std::string_view job_type, json::object params, SubmitOptions options,
                           JobHandlerFunction then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return then(submission.error());
  auto ended = [then = std::move(then)](machine::Answer&& answer) { then(view_of(answer)); };
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::ended, std::move(ended),
                                    listener_of(options)});
}

Result<JobView> CoreMachine::wait(JobId job, std::optional<Milliseconds> at_most) {
  Mailbox mailbox;
  shell_->post(runtime::AwaitInput{job, mailbox.then()});
  const auto answer = mailbox.wait(at_most);
  if (!answer) return Error{ErrorCode::timed_out, "job " + job.str() + " was not over in time"};
  if (answer->error && answer->error->code == ErrorCode::unknown_job) return shell_->stored_view(job);
  return view_of(*answer);
}

void CoreMachine::wait_then(JobId job, JobHandlerFunction then) {
  auto over = [shell = std::weak_ptr(shell_), job, then = std::move(then)](machine::Answer&& answer) {
    if (!answer.error || answer.error->code != ErrorCode::unknown_job) return then(view_of(answer));
    const auto alive = shell.lock();
    then(alive ? alive->stored_view(job) : Result<JobView>(*answer.error));
  };
  shell_->post(runtime::AwaitInput{job, std::move(over)});
}

Result<JobView> CoreMachine::job(JobId job) {
  Mailbox mailbox;
  shell_->post(runtime::InspectInput{job, mailbox.then()});
  const auto answer = *mailbox.wait();
  if (answer.error && answer.error->code == ErrorCode::unknown_job) return shell_->stored_view(job);
  return view_of(answer);
}

Result<JobView> CoreMachine::cancel(JobId job) {
  return control(*shell_, job, machine::Control::cancel);
}
void CoreMachine::cancel_then(JobId job, JobHandlerFunction then) {
  auto cancelled = [then = std::move(then)](machine::Answer&& answer) { then(view_of(answer)); };
  shell_->post(runtime::ControlInput{job, machine::Control::cancel, std::move(cancelled)});
}
Result<JobView> CoreMachine::pause(JobId job) {
  return control(*shell_, job, machine::Control::pause);
}
Result<JobView> CoreMachine::resume(JobId job) {
  return control(*shell_, job, machine::Control::resume);
}
Result<JobView> CoreMachine::retry(JobId job) {
  return control(*shell_, job, machine::Control::redrive);
}

Result<void> CoreMachine::remove(JobId job) {
  const auto stored = this->job(job);
  if (!stored) return stored.error();
  Mailbox mailbox;
  shell_->post(runtime::RemoveInput{job, mailbox.then()});
  const auto answer = *mailbox.wait();
  if (answer.error) return *answer.error;
  return {};
}

Result<std::vector<Reason>> CoreMachine::explain(JobId job) {
  Mailbox mailbox;
  shell_->post(runtime::ExplainInput{job, mailbox.then()});
  auto answer = *mailbox.wait();
  if (!answer.error) return std::move(answer.reasons);
  if (answer.error->code != ErrorCode::unknown_job) return *answer.error;
  const auto stored = shell_->stored_view(job);
  if (!stored) return stored.error();
  return std::vector<Reason>{};
}

Result<void> CoreMachine::set_limit(std::string_view task_type, const TypeLimit& limit) {
  if (auto fault = shell_->check_limit(task_type, limit)) return *fault;
  Mailbox mailbox;
  shell_->post(runtime::LimitInput{std::string(task_type), limit, mailbox.then()});
  const auto answer = *mailbox.wait();
  if (answer.error) return *answer.error;
  return {};
}

Result<std::string> CoreMachine::artifact(std::string_view id, std::uint64_t limit) const {
  const auto parsed = ArtifactId::parse(id);
  if (!parsed) return Error{ErrorCode::invalid_argument, "\"" + std::string(id) + "\" is no id of an artifact"};
  return shell_->large_values().read(*parsed, limit);
}

std::map<std::string, TypeLimit> CoreMachine::limits() const {
  std::map<std::string, TypeLimit> limits;
  for (const auto& setting : shell_->store().read_settings("limit")) {
    JsonReader in(*setting.value);
    limits.emplace(setting.name, codec::read_limit(in));
  }
  return limits;
}

Result<JobView> CoreMachine::signal(JobId job, std::string_view name, json::value data) {
  if (!is_valid_name(name))
    return Error{ErrorCode::invalid_name, "\"" + std::string(name) + "\" is no name for a signal"};
  std::string text;
  if (const auto fault = append_json(text, data))
    return Error{ErrorCode::invalid_argument, "the data of the signal is not valid JSON: " + *fault};
  Mailbox mailbox;
  shell_->post(runtime::SignalInput{job, Signal{std::string(name), make_text(std::move(text))}, mailbox.then()});
  return or_stored(*shell_, job, machine::Control::signal, *mailbox.wait());
}

Subscription CoreMachine::subscribe(JobId job, std::function<void(const JobEvent&)> listener) {
  auto kept = std::make_shared<runtime::Listener>(std::move(listener));
  shell_->post(runtime::FollowInput{job, kept});
  return Subscription(std::move(kept));
}

}  // namespace coremachine

namespace coremachine::runtime {

Result<Submission> Shell::check(std::string_view job_type, const json::object& params,
                                const SubmitOptions& options) const {
  const auto info = jobs_.get_info(job_type);
  if (!info) return info.error();
  if (!info->enabled) return Error{ErrorCode::wrong_state, "job type \"" + info->name + "\" is disabled"};
  const auto bad = [](std::string why) { return Error{ErrorCode::invalid_argument, std::move(why)}; };
  if (options.priority < -100 || options.priority > 100) {
    return bad("priority is " + std::to_string(options.priority) + "; it goes from -100 to 100");
  }
  if (options.delay && options.run_at) return bad("run_at and delay exclude each other");
  if (options.delay && options.delay->count() < 0) return bad("delay is negative");
  if (options.timeout && options.timeout->count() <= 0) return bad("timeout has to be longer than nothing");
  std::string text;
  if (const auto fault = append_json(text, params)) {
    return Error{ErrorCode::invalid_params, "the params are not valid JSON: " + *fault};
  }
  if (info->validate_params) {
    if (auto faults = info->validate_params(params); !faults.empty()) return params::invalid_params(std::move(faults));
  }
  Submission submission;
  submission.type = info->name;
  submission.version = info->version;
  submission.params = make_text(std::move(text));
  submission.priority = options.priority;
  submission.tags = options.tags;
  submission.run_at = options.delay ? std::optional(now() + *options.delay) : options.run_at;
  submission.timeout = options.timeout;
  submission.idempotency_key = options.idempotency_key;
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
  try {
    const auto stored = setup_.store ? setup_.store->read_job(job) : std::nullopt;
    if (!stored) return Error{ErrorCode::unknown_job, "there is no job " + job.str()};
    return make_view(decode_job(stored->job, stored->rounds));
  } catch (const Failure& failure) {
    return failure.error();
  }
}

}  // namespace coremachine::runtime
