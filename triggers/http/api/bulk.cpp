// The same done to all jobs that match.

#include <utility>

#include "core/schedule/schedule_codec.hpp"
#include "triggers/http/api/api.hpp"
#include "triggers/http/api/bodies.hpp"

namespace coremachine::http {
namespace {

std::optional<Timestamp> time_from(const std::optional<std::string>& text) {
  return text ? schedule::parse_rfc3339(*text) : std::nullopt;
}

template <Result<BulkResult> (CoreMachine::*act)(const BulkFilter&, bool)>
void bulk(Api& api, std::shared_ptr<Call> call) {
  const auto body = body_of<BulkBody>(*call);
  if (!body) return;
  BulkFilter filter;
  if (!body->filter.status.is_null()) filter.statuses = *statuses_from(body->filter.status);
  filter.type = body->filter.type.value_or("");
  filter.tags = body->filter.tags;
  filter.search = body->filter.q.value_or("");
  filter.since = time_from(body->filter.since);
  filter.until = time_from(body->filter.until);
  api.ask(
      call,
      [filter = std::move(filter), dry_run = body->dry_run](CoreMachine& machine) {
        return (machine.*act)(filter, dry_run);
      },
      [call](const BulkResult& result) { call->send(200, to_json(result)); });
}

Route route(std::string_view path, Role role, std::string_view operation, std::string_view summary, Handler handler) {
  return {.method = "POST",
          .path = path,
          .role = role,
          .group = "jobs",
          .operation = operation,
          .summary = summary,
          .body = "Bulk",
          .answers = {{200, "how many there were", "BulkResult"}},
          .problems = {429},
          .handler = handler};
}

}  // namespace

std::vector<Route> bulk_routes() {
  return {
      route("/api/v1/jobs/$cancel", Role::submit, "cancelJobs", "Cancel all jobs that match",
            bulk<&CoreMachine::cancel_all>),
      route("/api/v1/jobs/$retry", Role::submit, "retryJobs", "Retry all jobs that match",
            bulk<&CoreMachine::retry_all>),
      route("/api/v1/jobs/$delete", Role::admin, "deleteJobs", "Forget all jobs that match and are over",
            bulk<&CoreMachine::remove_all>),
  };
}

}  // namespace coremachine::http
