// Workers in other processes, in any language: they ask for tasks, say that they live, and say what became of tasks.

#include <utility>

#include "triggers/http/api/api.hpp"
#include "triggers/http/api/bodies.hpp"
#include "triggers/http/api/pending_wait.hpp"
#include "triggers/http/api/worker_bodies.hpp"
#include "triggers/http/api/worker_report.hpp"

namespace coremachine::http {
namespace {

/// Results come in the body, and one that is large may be large indeed.
constexpr std::uint64_t results_limit = std::uint64_t{64} << 20U;
constexpr std::uint64_t leases_limit = std::uint64_t{16} << 20U;

/// Nobody has seen these hand-outs, so that they need not wait until their leases end.
void give_back(CoreMachine& machine, const std::string& worker, const std::vector<HandOut>& hand_outs) {
  std::vector<RemoteReport> reports;
  for (const auto& hand_out : hand_outs) {
    auto& report = reports.emplace_back(RemoteReport{hand_out.lease, {}});
    for (const auto& task : hand_out.tasks) {
      RemoteOutcome outcome;
      outcome.index = task.index;
      outcome.attempt = task.attempt;
      outcome.kind = RemoteOutcome::Kind::returned;
      report.outcomes.push_back(std::move(outcome));
    }
  }
  machine.report_then(worker, std::move(reports), [](const Result<std::vector<LeaseNews>>&) {});
}

void poll(Api& api, std::shared_ptr<Call> call) {
  auto body = body_of<PollBody>(*call);
  if (!body) return;
  const auto wait = PendingWait::enter(api, call, wait_of(*body));
  if (!wait) return;
  const bool grouped = body->grouped;
  const auto most = body->max_tasks > 0 ? body->max_tasks : body->concurrency;
  auto worker = worker_of(std::move(*body));
  const auto name = worker.name;
  auto then = [&api, call, wait, name, grouped](Result<std::vector<HandOut>> told) {
    wait->leave();
    api.on_reader_or_here(call, [&api, call, wait, name, grouped, told = std::move(told)] {
      if (told.has_error()) return api.refuse(*call, told.error());
      if (wait->client_is_gone()) return give_back(api.machine(), name, *told);
      call->send_text(200, grouped ? hand_outs_text(*told) : tasks_text(*told));
    });
  };
  wait->begin(api.machine().poll_then(std::move(worker), most, std::move(then)));
}

/// Answers with the news of leases.
CoreMachine::Then<std::vector<LeaseNews>> tell_news(Api& api, const std::shared_ptr<Call>& call) {
  return [&api, call](const Result<std::vector<LeaseNews>>& news) {
    if (news.has_error()) return api.refuse(*call, news.error());
    call->send_text(200, news_text(*news));
  };
}

void complete(Api& api, std::shared_ptr<Call> call) {
  auto body = body_of<CompleteBody>(*call);
  if (!body) return;
  // Large results are written before the machine takes them.
  api.on_reader(call, [&api, call, body = std::make_shared<CompleteBody>(std::move(*body))] {
    auto reports = reports_of(std::move(body->outcomes), call->request().body);
    api.machine().report_then(body->worker, std::move(reports), tell_news(api, call));
  });
}

void heartbeat(Api& api, std::shared_ptr<Call> call) {
  auto body = body_of<HeartbeatBody>(*call);
  if (!body) return;
  auto worker = worker_of(*body);
  api.machine().renew_then(std::move(worker), renewals_of(std::move(*body)), tell_news(api, call));
}

void leave(Api& api, std::shared_ptr<Call> call) {
  const auto body = body_of<LeaveBody>(*call);
  if (!body) return;
  api.machine().leave_then(body->worker, [&api, call](const Result<void>& left) {
    if (left.has_error()) return api.refuse(*call, left.error());
    call->send(Response{204, {}, {}});
  });
}

}  // namespace

std::vector<Route> worker_call_routes() {
  return {
      {.method = "POST",
       .path = "/api/v1/workers/$poll",
       .role = Role::worker,
       .group = "workers",
       .operation = "pollTasks",
       .summary = "Take tasks, each under a lease; waits until there are some",
       .body = "Poll",
       .answers = {{200, "the tasks; none: there were none in that time", "HandedOut"}},
       .problems = {429},
       .handler = poll},
      {.method = "POST",
       .path = "/api/v1/workers/$complete",
       .role = Role::worker,
       .group = "workers",
       .operation = "completeTasks",
       .summary = "Say what became of tasks; the answer comes when that is on disk. To say the same again does no harm",
       .body = "Complete",
       .body_limit = results_limit,
       .values_inside = levels_around_values,
       .answers = {{200, "how it stands with the leases; `gone`: it is over", "LeaseNews"}},
       .problems = {429},
       .handler = complete},
      {.method = "POST",
       .path = "/api/v1/workers/$heartbeat",
       .role = Role::worker,
       .group = "workers",
       .operation = "renewLeases",
       .summary = "Keep leases for another term, and hear which are recalled, cancelled or gone",
       .body = "Heartbeat",
       .body_limit = leases_limit,
       .values_inside = levels_around_values,
       .answers = {{200, "how it stands with the leases", "LeaseNews"}},
       .handler = heartbeat},
      {.method = "POST",
       .path = "/api/v1/workers/$leave",
       .role = Role::worker,
       .group = "workers",
       .operation = "leaveWorkers",
       .summary = "Take no more; a poll that waits is answered. What the worker has stays its own until reported",
       .body = "Leave",
       .answers = {{204, "it is gone from the list of workers"}},
       .handler = leave},
  };
}

}  // namespace coremachine::http
