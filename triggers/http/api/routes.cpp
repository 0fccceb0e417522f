#include <algorithm>
#include <iterator>
#include <utility>

#include "triggers/http/api/route.hpp"

namespace coremachine::http {
namespace {

/// The same endpoints under a second path.
struct Alias {
  std::string_view method;
  std::string_view path;
  std::string_view also;
  std::string_view operation;
};

const std::vector<Alias>& aliases() {
  static const std::vector<Alias> all{
      {"POST", "/api/v1/jobs/{job_type}", "/api/jobs/{job_type}", "submitJobShort"},
      {"GET", "/livez", "/api/v1/livez", "getLivenessV1"},
      {"GET", "/readyz", "/api/v1/readyz", "getReadinessV1"},
      {"GET", "/metrics", "/api/v1/metrics", "getMetricsV1"},
      {"GET", "/openapi.json", "/api/v1/openapi.json", "getOpenapiV1"},
  };
  return all;
}

std::vector<Route> make_routes() {
  std::vector<Route> all;
  for (auto* part : {job_routes, job_view_routes, event_routes, bulk_routes, registry_routes, execute_routes,
                     artifact_routes, upload_routes, limit_routes, schedule_routes, worker_routes, worker_call_routes,
                     system_routes, stats_routes, page_routes}) {
    auto some = part();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  for (const auto& alias : aliases()) {
    const auto is_it = [&](const Route& route) { return route.method == alias.method && route.path == alias.path; };
    auto copy = *std::find_if(all.begin(), all.end(), is_it);
    copy.path = alias.also;
    copy.operation = alias.operation;
    all.push_back(std::move(copy));
  }
  return all;
}

}  // namespace

std::string_view role_in_words(const Route& route) {
  return route.role ? to_string(*route.role) : "anyone";
}

const std::vector<Route>& routes() {
  static const auto* const all = new std::vector<Route>(make_routes());
  return *all;
}

std::vector<int> problem_statuses(const Route& route) {
  auto statuses = route.problems;
  statuses.insert(statuses.end(), {400, 500});
  if (route.role) statuses.insert(statuses.end(), {401, 403, 503});
  if (!path_variables(route.path).empty()) statuses.push_back(404);
  if (!route.body.empty()) statuses.insert(statuses.end(), {413, 415, 422});
  if (route.receive) statuses.push_back(413);
  std::sort(statuses.begin(), statuses.end());
  statuses.erase(std::unique(statuses.begin(), statuses.end()), statuses.end());
  return statuses;
}

std::vector<std::string_view> path_variables(std::string_view path) {
  std::vector<std::string_view> names;
  for (auto from = path.find('{'); from != std::string_view::npos; from = path.find('{', from)) {
    const auto to = path.find('}', from);
    names.push_back(path.substr(from + 1, to - from - 1));
    from = to;
  }
  return names;
}

Parameter limit_parameter(std::int64_t most) {
  return {.name = "limit",
          .kind = ParameterKind::integer,
          .doc = "how many items a page has at most",
          .low = 1,
          .high = most,
          .initial = "50"};
}

Parameter cursor_parameter() {
  return {.name = "cursor", .doc = "where the page begins: the `next_cursor` of the page before"};
}

Parameter wait_parameter(std::string_view doc) {
  return {.name = "wait", .kind = ParameterKind::wait, .doc = doc};
}

Parameter expand_parameter() {
  return {.name = "expand",
          .kind = ParameterKind::choices,
          .doc = "what items show besides",
          .choices = {"params", "result"}};
}

std::vector<Parameter> submit_parameters() {
  return {
      {.name = "priority",
       .kind = ParameterKind::integer,
       .doc = "higher goes first",
       .low = -100,
       .high = 100,
       .initial = "0"},
      {.name = "run_at", .kind = ParameterKind::time, .doc = "not before this time"},
      {.name = "delay", .kind = ParameterKind::duration, .doc = "not before this much later; in place of `run_at`"},
      {.name = "tags", .kind = ParameterKind::words, .doc = "to find the job by"},
      {.name = "timeout", .kind = ParameterKind::duration, .doc = "how long the job may take from when it begins"},
      {.name = "Idempotency-Key",
       .kind = ParameterKind::key,
       .doc = "a second submission with this key, the same type and the same params is the first job again",
       .in = Parameter::In::header},
  };
}

}  // namespace coremachine::http
