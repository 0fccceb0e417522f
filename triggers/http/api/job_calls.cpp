#include "triggers/http/api/job_calls.hpp"

#include <algorithm>
#include <utility>

#include "triggers/http/api/pending_wait.hpp"

namespace coremachine::http {
namespace {

/// Of a text that is only put together, and of values that are parsed or written.
constexpr std::size_t short_text = 8192;
constexpr std::size_t short_values = 2048;

/// Looks at no more of a value than there is left of what counts as short.
class Measure {
 public:
  bool is_short(const json::value& value) {
    if (left_ == 0) return false;
    take(1);
    if (const auto* text = value.if_string()) take(text->size());
    if (const auto* array = value.if_array())
      return std::all_of(array->begin(), array->end(), [&](const auto& each) { return is_short(each); });
    if (const auto* object = value.if_object()) return is_short(*object);
    return left_ > 0;
  }
  bool is_short(const json::object& object) {
    return std::all_of(object.begin(), object.end(), [&](const auto& member) {
      take(member.key().size());
      return is_short(member.value());
    });
  }

 private:
  void take(std::size_t size) { left_ -= std::min(size, left_); }

  std::size_t left_ = short_values;
};

/// To show it takes less than to hand it to another thread. What failed may be looked into before it is shown.
bool is_quick(const JobView& job, Showing) {
  Measure measure;
  return !job.error && job.stages.size() < 16 && measure.is_short(job.params) &&
         (!job.result || measure.is_short(*job.result));
}
bool is_quick(const Submitted& submitted, Showing showing) {
  const auto& job = submitted.job;
  if (job.has_error()) return false;
  if (showing == Showing::text) return job.text_size() < short_text;
  return job.text_size() < short_values && !job.names_artifacts();
}

/// Goes on with what the engine told, away from its threads.
template <class Told>
auto told_to(Api& api, const std::shared_ptr<Call>& call, std::shared_ptr<PendingWait> wait,
             std::function<void(const Told&)> then, Showing showing = Showing::text) {
  return [&api, call, wait = std::move(wait), then = std::move(then), showing](Result<Told> told) {
    if (wait) wait->leave();
    const bool quick = told.has_value() && is_quick(*told, showing);
    auto answer = [&api, call, then, told = std::move(told)] {
      if (told.has_error()) return api.refuse(*call, told.error());
      then(*told);
    };
    quick ? api.near_outlet(call, std::move(answer)) : api.on_reader_or_here(call, std::move(answer));
  };
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
                     SubmitOptions options, ShowSubmission show, Showing showing) {
  const auto at_most = call->wait();
  const auto wait = at_most ? PendingWait::enter(api, call, *at_most) : nullptr;
  if (at_most && !wait) return;
  const auto until = wait ? CoreMachine::Until::over : CoreMachine::Until::accepted;
  const auto shown = [call, show = std::move(show)](const Submitted& submitted) {
    call->about(submitted.job.id());
    show(*call, submitted.job, is_terminal(submitted.job.status()), submitted.existing);
  };
  auto waiting = api.machine().start_then(type, std::move(params), std::move(options), until,
                                          told_to<Submitted>(api, call, wait, shown, showing));
  if (wait) wait->begin(std::move(waiting));
}

void show_job(Api& api, const std::shared_ptr<Call>& call, JobId job, Show show) {
  const auto shown = [call, show = std::move(show)](const JobView& view) {
    show(*call, view, is_terminal(view.status));
  };
  const auto at_most = call->wait();
  if (!at_most) {
    return api.ask(
        call, [job](CoreMachine& machine) { return machine.job(job); }, shown, Effort::brief);
  }
  const auto wait = PendingWait::enter(api, call, *at_most);
  if (wait) wait->begin(api.machine().wait_then(job, told_to<JobView>(api, call, wait, shown)));
}

void show_after(Api& api, const std::shared_ptr<Call>& call, int status,
                const std::function<void(CoreMachine::Then<JobView>)>& act) {
  const auto shown = [call, status](const JobView& view) { call->send(status, view); };
  act(told_to<JobView>(api, call, nullptr, shown));
}

}  // namespace coremachine::http
