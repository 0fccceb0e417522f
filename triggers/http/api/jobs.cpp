// Jobs: submission, one job, and what can be done with it.

#include <utility>

#include "triggers/http/api/bodies.hpp"
#include "triggers/http/api/job_calls.hpp"

namespace coremachine::http {
namespace {

std::string path_of(const ToldJob& job) {
  return "/api/v1/jobs/" + job.id().str();
}

void submit(Api& api, std::shared_ptr<Call> call) {
  const auto& type = call->path("job_type");
  auto options = submit_options(*call);
  if (!options) return;
  auto params = call->take_body().as_object();
  if (!call->beyond().empty()) {
    const auto info = api.jobs().get_info(type);
    auto faults = info ? params_faults(info->validate_params, params, call->beyond()) : std::vector<ParamFault>();
    if (!faults.empty()) return call->refuse(params::invalid_params(std::move(faults)));
  }
  submit_and_show(api, call, type, std::move(params), std::move(*options),
                  [](Call& to, const ToldJob& job, bool over, bool existing) {
                    const bool found = to.wait() ? over : existing;
                    to.send(found ? 200 : 202, job, {{"location", path_of(job)}}, existing);
                  });
}

void show(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  if (const auto text = api.machine().job_text_at_hand(*id)) return call->send_text(200, *text);
  if (call->wait()) return show_job(api, call, *id, [](Call& to, const JobView& job, bool) { to.send(200, job); });
  const auto ask = [id = *id](CoreMachine& machine) { return machine.job_text(id); };
  const auto shown = [call](const std::shared_ptr<const std::string>& text) { call->send_text(200, *text); };
  api.ask(call, ask, shown, Effort::brief);
}

Problem has_no_result(const JobView& job, bool over) {
  const std::string status(to_string(job.status));
  auto problem =
      problem_of(over ? 404 : 409, "the job is " + status + (over ? ", and has no result" : "; it has no result yet"));
  problem.code = over ? "no_result" : "not_finished";
  if (job.error) {
    problem.detail += ": " + job.error->message;
    problem.more["error"] = to_json(*job.error);
  }
  problem.more["job_status"] = status;
  return problem;
}

void show_result(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  show_job(api, call, *id, [](Call& to, const JobView& job, bool over) {
    if (over && job.result) return to.send(200, *job.result);
    to.refuse(has_no_result(job, over));
  });
}

/// 202 with the job, after `act` on it.
template <void (CoreMachine::*act)(JobId, CoreMachine::Then<JobView>)>
void control(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  show_after(api, call, 202, [&](CoreMachine::Then<JobView> then) { (api.machine().*act)(*id, std::move(then)); });
}

void signal(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  auto body = body_of<SignalBody>(*call);
  if (!body) return;
  show_after(api, call, 202, [&](CoreMachine::Then<JobView> then) {
    api.machine().signal_then(*id, body->name, std::move(body->data), std::move(then));
  });
}

void remove(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  api.ask(
      call, [id = *id](CoreMachine& machine) { return machine.remove(id); },
      [call] {
        call->send(Response{204, {}, {}});
      });
}

Route verb(std::string_view path, std::string_view operation, std::string_view summary, Handler handler) {
  return {.method = "POST",
          .path = path,
          .role = Role::submit,
          .group = "jobs",
          .operation = operation,
          .summary = summary,
          .answers = {{202, "the job as it is now", "Job"}},
          .problems = {409},
          .handler = handler};
}

}  // namespace

std::vector<Route> job_routes() {
  auto submission = submit_parameters();
  submission.push_back(wait_parameter("reply when the job is over, or after this time; at most 60s count"));
  return {
      {.method = "POST",
       .path = "/api/v1/jobs/{job_type}",
       .role = Role::submit,
       .group = "jobs",
       .operation = "submitJob",
       .summary = "Submit a job; it is on disk before the reply",
       .parameters = std::move(submission),
       .body = "Params",
       .answers = {{200, "it is over, or it was there before", "Job", "application/json", {"Location"}},
                   {202, "accepted", "Job", "application/json", {"Location"}}},
       .problems = {409, 429},
       .handler = submit},
      {.method = "GET",
       .path = "/api/v1/jobs/{id}",
       .group = "jobs",
       .operation = "getJob",
       .summary = "Show a job",
       .parameters = {wait_parameter("reply when the job is over, or after this time; at most 60s count")},
       .answers = {{200, "the job", "Job"}},
       .problems = {429},
       .handler = show},
      {.method = "DELETE",
       .path = "/api/v1/jobs/{id}",
       .role = Role::submit,
       .group = "jobs",
       .operation = "deleteJob",
       .summary = "Forget a job that is over",
       .answers = {{204, "it is gone"}},
       .problems = {409},
       .handler = remove},
      {.method = "GET",
       .path = "/api/v1/jobs/{id}/result",
       .group = "jobs",
       .operation = "getJobResult",
       .summary = "The final result alone; 409 while it runs, 404 if it ended without one",
       .parameters = {wait_parameter("reply when the job is over, or after this time; at most 60s count")},
       .answers = {{200, "the result"}},
       .problems = {409, 429},
       .handler = show_result},
      verb("/api/v1/jobs/{id}/$cancel", "cancelJob", "Cancel a job", control<&CoreMachine::cancel_then>),
      verb("/api/v1/jobs/{id}/$pause", "pauseJob", "Pause a job: what runs may end, nothing new starts",
           control<&CoreMachine::pause_then>),
      verb("/api/v1/jobs/{id}/$resume", "resumeJob", "Resume a paused job", control<&CoreMachine::resume_then>),
      verb("/api/v1/jobs/{id}/$retry", "retryJob", "Run again what did not complete of a job that is over",
           control<&CoreMachine::retry_then>),
      {.method = "POST",
       .path = "/api/v1/jobs/{id}/$signal",
       .role = Role::submit,
       .group = "jobs",
       .operation = "signalJob",
       .summary = "Open the gate of this name, now or when the job comes to it",
       .body = "Signal",
       .answers = {{202, "the job as it is now", "Job"}},
       .problems = {409},
       .handler = signal},
  };
}

}  // namespace coremachine::http
