#include "triggers/http/api/job_calls.hpp"

#include <mutex>
#include <utility>

namespace coremachine::http {
namespace {

/// A call that waits for the end of a job.
struct Wait {
  std::shared_ptr<Call> call;
  JobId job;
  Show show;
  std::shared_ptr<WaitingRoom::Seat> seat = {};
};

/// Where a wait is until somebody ends it: the job, the time, or the client who goes. Whoever takes it first does.
class WaitSlot {
 public:
  explicit WaitSlot(std::unique_ptr<Wait> wait) : wait_(std::move(wait)) {}

  std::unique_ptr<Wait> take() {
    const std::lock_guard lock(mutex_);
    return std::move(wait_);
  }
  /// The seat goes with the wait, so at once if that is over.
  void give(std::shared_ptr<WaitingRoom::Seat> seat) {
    const std::lock_guard lock(mutex_);
    if (wait_) wait_->seat = std::move(seat);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Wait> wait_;
};

void show_now(Api& api, const std::shared_ptr<Call>& call, JobId job, Show show) {
  api.ask(
      call, [job](CoreMachine& machine) { return machine.job(job); },
      [call, show = std::move(show)](const JobView& view) { show(*call, view, is_terminal(view.status)); });
}

void wait_and_show(Api& api, const std::shared_ptr<Call>& call, JobId job, Milliseconds at_most, Show show) {
  auto slot = std::make_shared<WaitSlot>(std::make_unique<Wait>(Wait{call, job, std::move(show)}));
  auto seat = api.waiting().enter(at_most, [&api, slot] {
    if (const auto wait = slot->take()) show_now(api, wait->call, wait->job, wait->show);
  });
  if (!seat) {
    slot->take();
    return call->refuse(Error{ErrorCode::overloaded, "too many requests wait already; come again, or do not wait"});
  }
  slot->give(std::move(seat));
  call->on_gone([slot] { slot->take(); });
  api.machine().wait_then(job, [&api, slot](Result<JobView> view) {
    const std::shared_ptr<Wait> wait = slot->take();
    if (!wait) return;
    leave_engine(api, wait->call, [&api, wait, view = std::move(view)] {
      if (view.has_error()) return api.refuse(*wait->call, view.error());
      wait->show(*wait->call, *view, true);
    });
  });
}

}  // namespace

std::optional<SubmitOptions> submit_options(Call& call) {
  const auto& parameters = call.parameters();
  SubmitOptions options;
  options.priority = static_cast<int>(parameters.integer("priority").value_or(0));
  options.tags = parameters.words("tags");
  options.run_at = parameters.time("run_at");
  options.delay = parameters.duration("delay");
  options.timeout = parameters.duration("timeout");
  if (const auto* trace = call.request().find("traceparent")) options.traceparent = *trace;
  options.idempotency_key = parameters.text("Idempotency-Key").value_or("");
  if (!options.delay || !options.run_at) return options;
  call.refuse(Error{ErrorCode::invalid_argument, "run_at and delay exclude each other"});
  return std::nullopt;
}

void submit_and_show(Api& api, const std::shared_ptr<Call>& call, std::string type, json::object params,
                     SubmitOptions options, ShowSubmission show) {
  auto accepted = [&api, call, show = std::move(show)](Result<Accepted> result) {
    leave_engine(api, call, [&api, call, show, result = std::move(result)] {
      if (result.has_error()) return call->refuse(result.error());
      const bool existing = result->existing;
      show_job(api, call, result->job,
               [show, existing](Call& to, const JobView& job, bool over) { show(to, job, over, existing); });
    });
  };
  api.machine().accept_then(type, std::move(params), std::move(options), std::move(accepted));
}

void show_job(Api& api, const std::shared_ptr<Call>& call, JobId job, Show show) {
  if (const auto wait = call->wait()) return wait_and_show(api, call, job, *wait, std::move(show));
  show_now(api, call, job, std::move(show));
}

void leave_engine(Api& api, const std::shared_ptr<Call>& call, std::function<void()> then) {
  api.on_reader_or_here(call, std::move(then));
}

}  // namespace coremachine::http
