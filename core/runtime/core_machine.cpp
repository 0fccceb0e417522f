#include <coremachine/runtime/core_machine.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <coremachine/params/faults.hpp>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace {

/// Where a thread waits for one answer.
class Mailbox {
 public:
  runtime::Then then() {
    return [state = state_](machine::Answer&& answer) {
      const std::lock_guard lock(state->mutex);
      state->answer = std::move(answer);
      state->arrived.notify_one();
    };
  }
  std::optional<machine::Answer> wait(std::optional<Milliseconds> at_most = {}) {
    std::unique_lock lock(state_->mutex);
    const auto there = [&] { return state_->answer.has_value(); };
    if (!at_most) {
      state_->arrived.wait(lock, there);
    } else if (!state_->arrived.wait_for(lock, *at_most, there)) {
      return std::nullopt;
    }
    return std::move(state_->answer);
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<machine::Answer> answer;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

Result<JobView> view_of(const machine::Answer& answer) {
  if (answer.error) return *answer.error;
  return make_view(*answer.view);
}

Result<JobView> control(runtime::Shell& shell, JobId job, machine::Control verb) {
  Mailbox mailbox;
  shell.post(runtime::ControlInput{job, verb, mailbox.then()});
  const auto answer = *mailbox.wait();
  if (!answer.error || answer.error->code != ErrorCode::unknown_job) return view_of(answer);
  const auto stored = shell.stored_view(job);
  if (!stored) return stored;
  return machine::refusal(verb, job, stored->status).value_or(*answer.error);
}

}  // namespace

CoreMachine::CoreMachine(std::shared_ptr<runtime::Shell> shell) : shell_(std::move(shell)) {}
CoreMachine::CoreMachine(CoreMachine&&) noexcept = default;
CoreMachine::~CoreMachine() {
  if (shell_) shell_->stop();
}

void CoreMachine::stop() { shell_->stop(); }

Result<JobId> CoreMachine::submit(std::string_view job_type, json::object params, SubmitOptions options) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return submission.error();
  Mailbox mailbox;
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::accepted, mailbox.then()});
  const auto answer = *mailbox.wait();
  if (answer.error) return *answer.error;
  return answer.job;
}

void CoreMachine::submit_then(std::string_view job_type, json::object params, SubmitOptions options, IdHandlerFunction then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return then(submission.error());
  auto accepted = [then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    then(answer.job);
  };
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::accepted, std::move(accepted)});
}

Result<JobView> CoreMachine::run(std::string_view job_type, json::object params, SubmitOptions options) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return submission.error();
  Mailbox mailbox;
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::ended, mailbox.then()});
  return view_of(*mailbox.wait());
}

void CoreMachine::run_then(std::string_view job_type, json::object params, SubmitOptions options, JobHandlerFunction then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return then(submission.error());
  auto ended = [then = std::move(then)](machine::Answer&& answer) { then(view_of(answer)); };
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::ended, std::move(ended)});
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

Result<JobView> CoreMachine::cancel(JobId job) { return control(*shell_, job, machine::Control::cancel); }
Result<JobView> CoreMachine::pause(JobId job) { return control(*shell_, job, machine::Control::pause); }
Result<JobView> CoreMachine::resume(JobId job) { return control(*shell_, job, machine::Control::resume); }
Result<JobView> CoreMachine::retry(JobId job) { return control(*shell_, job, machine::Control::redrive); }

Subscription CoreMachine::subscribe(JobId job, std::function<void(const JobEvent&)> listener) {
  auto kept = std::make_shared<runtime::Listener>(std::move(listener));
  shell_->post(runtime::FollowInput{job, kept});
  return Subscription(std::move(kept));
}

}  // namespace coremachine

namespace coremachine::runtime {

Result<Submission> Shell::check(std::string_view job_type, const json::object& params, const SubmitOptions& options) const {
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
  return submission;
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
