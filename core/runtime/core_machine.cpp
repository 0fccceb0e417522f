#include <coremachine/runtime/core_machine.hpp>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/model/codec.hpp"
#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/model/suggest.hpp"
#include "core/runtime/mailbox.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace {

/// Where a thread waits for what a function with `then` comes to.
template <class Value>
class Awaited {
 public:
  CoreMachine::Then<Value> then() {
    return [state = state_](Result<Value> result) {
      const std::lock_guard lock(state->mutex);
      state->result.emplace(std::move(result));
      state->arrived.notify_one();
    };
  }
  Result<Value> wait() {
    std::unique_lock lock(state_->mutex);
    state_->arrived.wait(lock, [&] { return state_->result.has_value(); });
    return std::move(*state_->result);
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<Result<Value>> result;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::shared_ptr<runtime::Listener> listener_of(const SubmitOptions& options) {
  return options.listener ? std::make_shared<runtime::Listener>(options.listener) : nullptr;
}

Result<JobView> view_of(const machine::Answer& answer) {
  if (answer.error) return *answer.error;
  return make_view(*answer.view);
}

bool is_not_live(const machine::Answer& answer) {
  return answer.error && answer.error->code == ErrorCode::unknown_job;
}

/// A job that is not live may be over: then it is in the store. Of one that is live all values are read: who waits for
/// it does that on its own thread, and not on the one that drives the engine.
Result<JobView> live_or_stored(runtime::Shell& shell, JobId job, const machine::Answer& answer) {
  return is_not_live(answer) ? shell.stored_view(job) : view_of(answer);
}
runtime::Then live_or_stored(const std::shared_ptr<runtime::Shell>& shell, JobId job, CoreMachine::Then<JobView> then) {
  return [shell = std::weak_ptr(shell), job, then = std::move(then)](machine::Answer&& answer) {
    const auto alive = shell.lock();
    then(alive ? live_or_stored(*alive, job, answer) : view_of(answer));
  };
}

/// The refusal says what a job is that is not live.
Result<JobView> live_or_refused(runtime::Shell& shell, JobId job, machine::Control verb,
                                const machine::Answer& answer) {
  if (!is_not_live(answer)) return view_of(answer);
  const auto stored = shell.stored_view(job);
  if (!stored) return stored.error();
  if (is_terminal(stored->status)) return machine::refusal(verb, job, stored->status).value_or(*answer.error);
  return Error{ErrorCode::draining, shell.why_nobodys(*stored).detail};
}
runtime::Then live_or_refused(const std::shared_ptr<runtime::Shell>& shell, JobId job, machine::Control verb,
                              CoreMachine::Then<JobView> then) {
  return [shell = std::weak_ptr(shell), job, verb, then = std::move(then)](machine::Answer&& answer) {
    const auto alive = shell.lock();
    then(alive ? live_or_refused(*alive, job, verb, answer) : view_of(answer));
  };
}

Result<JobView> live_view(runtime::Shell& shell, JobId job) {
  runtime::Mailbox seen;
  shell.post(runtime::InspectInput{job, seen.then()});
  return live_or_stored(shell, job, *seen.wait());
}

Result<JobView> controlled(runtime::Shell& shell, JobId job, machine::Control verb) {
  runtime::Mailbox answered;
  shell.post(runtime::ControlInput{job, verb, answered.then()});
  return live_or_refused(shell, job, verb, *answered.wait());
}

runtime::Then done_or_error(CoreMachine::Then<void> then) {
  return [then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    then(Result<void>());
  };
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

void Waiting::give_up() {
  const auto shell = shell_.lock();
  if (shell && ticket_) shell->post(runtime::GiveUpInput{std::exchange(ticket_, nullptr)});
}

// ---- without a thread that waits ----

void CoreMachine::accept_then(std::string_view job_type, json::object params, SubmitOptions options,
                              Then<Accepted> then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return then(submission.error());
  auto accepted = [then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    then(Accepted{answer.job, answer.existing});
  };
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::accepted, std::move(accepted),
                                    listener_of(options)});
}

void CoreMachine::submit_then(std::string_view job_type, json::object params, SubmitOptions options, Then<JobId> then) {
  accept_then(job_type, std::move(params), std::move(options), [then = std::move(then)](Result<Accepted> accepted) {
    if (accepted.has_error()) return then(accepted.error());
    then(accepted->job);
  });
}

void CoreMachine::run_then(std::string_view job_type, json::object params, SubmitOptions options, Then<JobView> then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return then(submission.error());
  auto ended = [then = std::move(then)](machine::Answer&& answer) { then(view_of(answer)); };
  shell_->post(runtime::SubmitInput{std::move(*submission), machine::Engine::Until::ended, std::move(ended),
                                    listener_of(options)});
}

Waiting CoreMachine::start_then(std::string_view job_type, json::object params, SubmitOptions options, Until until,
                                Then<Submitted> then) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) {
    then(submission.error());
    return {};
  }
  auto ticket = std::make_shared<runtime::Ticket>();
  auto answered = [ticket, then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    then(Submitted{ToldJob(std::move(answer.view)), ticket->existing});
  };
  using EngineUntil = machine::Engine::Until;
  shell_->post(runtime::SubmitInput{std::move(*submission),
                                    until == Until::accepted ? EngineUntil::shown : EngineUntil::ended,
                                    std::move(answered), listener_of(options), ticket});
  return Waiting(shell_, std::move(ticket));
}

Waiting CoreMachine::wait_then(JobId job, Then<JobView> then) {
  if (auto stored = shell_->stored_view(job); stored && is_terminal(stored->status)) {
    then(std::move(stored));
    return {};
  }
  auto ticket = std::make_shared<runtime::Ticket>();
  shell_->post(runtime::AwaitInput{job, live_or_stored(shell_, job, std::move(then)), ticket});
  return Waiting(shell_, std::move(ticket));
}

void CoreMachine::job_then(JobId job, Then<JobView> then) {
  // What is over changes no more, and need not be asked of the engine.
  if (auto stored = shell_->stored_view(job); stored && is_terminal(stored->status)) return then(std::move(stored));
  shell_->post(runtime::InspectInput{job, live_or_stored(shell_, job, std::move(then))});
}

void CoreMachine::cancel_then(JobId job, Then<JobView> then) {
  using machine::Control;
  shell_->post(
      runtime::ControlInput{job, Control::cancel, live_or_refused(shell_, job, Control::cancel, std::move(then))});
}
void CoreMachine::pause_then(JobId job, Then<JobView> then) {
  using machine::Control;
  shell_->post(
      runtime::ControlInput{job, Control::pause, live_or_refused(shell_, job, Control::pause, std::move(then))});
}
void CoreMachine::resume_then(JobId job, Then<JobView> then) {
  using machine::Control;
  shell_->post(
      runtime::ControlInput{job, Control::resume, live_or_refused(shell_, job, Control::resume, std::move(then))});
}
void CoreMachine::retry_then(JobId job, Then<JobView> then) {
  using machine::Control;
  shell_->post(
      runtime::ControlInput{job, Control::redrive, live_or_refused(shell_, job, Control::redrive, std::move(then))});
}

void CoreMachine::signal_then(JobId job, std::string_view name, json::value data, Then<JobView> then) {
  if (!is_valid_name(name))
    return then(Error{ErrorCode::invalid_name, "\"" + std::string(name) + "\" is no name for a signal"});
  std::string text;
  ArtifactHolds artifacts;
  try {
    auto& large = shell_->large_values();
    if (const auto fault = large.append(text, data, large.limit(), artifacts))
      return then(Error{ErrorCode::invalid_argument, "the data of the signal is not valid JSON: " + *fault});
  } catch (const runtime::ArtifactFailure& failure) {
    return then(failure.error());
  }
  shell_->post(runtime::SignalInput{job, Signal{std::string(name), make_text(std::move(text))},
                                    live_or_refused(shell_, job, machine::Control::signal, std::move(then)),
                                    std::move(artifacts)});
}

void CoreMachine::remove_then(JobId job, Then<void> then) {
  if (const auto stored = shell_->stored_view(job); !stored) return then(stored.error());
  shell_->post(runtime::RemoveInput{job, done_or_error(std::move(then))});
}

void CoreMachine::explain_then(JobId job, Then<std::vector<Reason>> then) {
  auto told = [shell = std::weak_ptr(shell_), job, then = std::move(then)](machine::Answer&& answer) {
    if (!answer.error) return then(std::move(answer.reasons));
    const auto alive = is_not_live(answer) ? shell.lock() : nullptr;
    if (!alive) return then(std::move(*answer.error));
    const auto stored = alive->stored_view(job);
    if (!stored) return then(stored.error());
    then(is_terminal(stored->status) ? std::vector<Reason>() : std::vector<Reason>{alive->why_nobodys(*stored)});
  };
  shell_->post(runtime::ExplainInput{job, std::move(told)});
}

void CoreMachine::set_limit_then(std::string_view task_type, const TypeLimit& limit, Then<void> then) {
  if (auto fault = shell_->check_limit(task_type, limit)) return then(std::move(*fault));
  shell_->post(runtime::LimitInput{std::string(task_type), limit, done_or_error(std::move(then))});
}

// ---- with one ----

Result<Accepted> CoreMachine::accept(std::string_view job_type, json::object params, SubmitOptions options) {
  Awaited<Accepted> accepted;
  accept_then(job_type, std::move(params), std::move(options), accepted.then());
  return accepted.wait();
}

Result<JobId> CoreMachine::submit(std::string_view job_type, json::object params, SubmitOptions options) {
  const auto accepted = accept(job_type, std::move(params), std::move(options));
  if (!accepted) return accepted.error();
  return accepted->job;
}

Result<JobView> CoreMachine::run(std::string_view job_type, json::object params, SubmitOptions options) {
  auto submission = shell_->check(job_type, params, options);
  if (!submission) return submission.error();
  runtime::Mailbox ended;
  shell_->post(
      runtime::SubmitInput{std::move(*submission), machine::Engine::Until::ended, ended.then(), listener_of(options)});
  return view_of(*ended.wait());
}

Result<JobView> CoreMachine::wait(JobId job, std::optional<Milliseconds> at_most) {
  if (auto stored = shell_->stored_view(job); stored && is_terminal(stored->status)) return stored;
  runtime::Mailbox over;
  auto ticket = std::make_shared<runtime::Ticket>();
  shell_->post(runtime::AwaitInput{job, over.then(), ticket});
  if (const auto answer = over.wait(at_most)) return live_or_stored(*shell_, job, *answer);
  Waiting(shell_, std::move(ticket)).give_up();
  return Error{ErrorCode::timed_out, "job " + job.str() + " was not over in time"};
}

Result<JobView> CoreMachine::job(JobId job) {
  if (auto stored = shell_->stored_view(job); stored && is_terminal(stored->status)) return stored;
  return live_view(*shell_, job);
}

std::shared_ptr<const std::string> CoreMachine::job_text_at_hand(JobId job) const {
  return shell_->ended_jobs().find(job);
}

Result<std::shared_ptr<const std::string>> CoreMachine::job_text(JobId job) {
  auto& ended = shell_->ended_jobs();
  if (auto text = ended.find(job)) return text;
  const auto commits = ended.commits();
  auto view = shell_->stored_view(job);
  const bool over = view && is_terminal(view->status);
  if (view && !over) view = live_view(*shell_, job);
  if (!view) return view.error();
  auto text = std::make_shared<std::string>();
  if (const auto fault = append_json(*text, *view))
    return Error{ErrorCode::store_damaged, "job " + job.str() + " is not valid JSON: " + *fault};
  if (over) ended.keep(job, text, commits);
  return std::shared_ptr<const std::string>(std::move(text));
}

Result<JobView> CoreMachine::cancel(JobId job) {
  return controlled(*shell_, job, machine::Control::cancel);
}
Result<JobView> CoreMachine::pause(JobId job) {
  return controlled(*shell_, job, machine::Control::pause);
}
Result<JobView> CoreMachine::resume(JobId job) {
  return controlled(*shell_, job, machine::Control::resume);
}
Result<JobView> CoreMachine::retry(JobId job) {
  return controlled(*shell_, job, machine::Control::redrive);
}
Result<JobView> CoreMachine::signal(JobId job, std::string_view name, json::value data) {
  Awaited<JobView> view;
  signal_then(job, name, std::move(data), view.then());
  return view.wait();
}
Result<void> CoreMachine::remove(JobId job) {
  Awaited<void> removed;
  remove_then(job, removed.then());
  return removed.wait();
}
Result<std::vector<Reason>> CoreMachine::explain(JobId job) {
  Awaited<std::vector<Reason>> reasons;
  explain_then(job, reasons.then());
  return reasons.wait();
}
Result<void> CoreMachine::set_limit(std::string_view task_type, const TypeLimit& limit) {
  Awaited<void> set;
  set_limit_then(task_type, limit, set.then());
  return set.wait();
}

// ---- what needs nothing of the engine ----

Result<std::string> CoreMachine::artifact(std::string_view id, std::uint64_t limit) const {
  const auto parsed = ArtifactId::parse(id);
  if (!parsed) return Error{ErrorCode::invalid_argument, "\"" + std::string(id) + "\" is no id of an artifact"};
  try {
    auto content = shell_->large_values().open(*parsed)->read_all(limit);
    return content;
  } catch (const Failure& failure) {
    return failure.error();
  }
}

namespace {

/// An artifact that is read from outside; it may outlive the machine.
class Content final : public ArtifactContent {
 public:
  explicit Content(std::unique_ptr<ArtifactReader> reader) : reader_(std::move(reader)) {}
  const ArtifactInfo& info() const override { return reader_->info(); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t n) override {
    const auto got = reader_->read(offset, to, n);
    if (!got) throw Failure(got.error());
    return *got;
  }

 private:
  std::unique_ptr<ArtifactReader> reader_;
};

}  // namespace

Result<std::unique_ptr<ArtifactContent>> CoreMachine::open_artifact(std::string_view id) const {
  const auto parsed = ArtifactId::parse(id);
  if (!parsed) return Error{ErrorCode::store_missing, quoted_name(id) + " is no id of an artifact"};
  try {
    return std::unique_ptr<ArtifactContent>(std::make_unique<Content>(shell_->large_values().open(*parsed)));
  } catch (const Failure& failure) {
    return failure.error();
  }
}

Result<std::unique_ptr<NewArtifact>> CoreMachine::new_artifact(std::string_view media_type) {
  try {
    return shell_->uploads().begin(media_type);
  } catch (const Failure& failure) {
    return failure.error();
  }
}

Result<json::value> CoreMachine::artifact_value(const json::value& reference) const {
  const auto parsed = parse_artifact_reference(reference);
  if (!parsed) return Error{ErrorCode::invalid_argument, "that is no reference to an artifact"};
  try {
    return shell_->large_values().load(*parsed);
  } catch (const Failure& failure) {
    return failure.error();
  }
}

std::map<std::string, TypeLimit> CoreMachine::limits() const {
  std::map<std::string, TypeLimit> limits;
  for (const auto& setting : shell_->store().read_settings("limit")) {
    JsonReader in(*setting.value);
    limits.emplace(setting.name, codec::read_limit(in));
  }
  return limits;
}

Subscription CoreMachine::subscribe(JobId job, std::function<void(const JobEvent&)> listener) {
  auto kept = std::make_shared<runtime::Listener>(std::move(listener));
  shell_->post(runtime::FollowInput{job, kept});
  return Subscription(std::move(kept));
}

}  // namespace coremachine
