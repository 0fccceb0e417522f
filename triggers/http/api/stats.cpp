// The whole at a glance, asked for once or watched.

#include <utility>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

void show(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call, [&api](CoreMachine&) { return api.overview().now(true); },
      [call](const json::object& overview) { call->send(200, overview); });
}

void watch(Api& api, std::shared_ptr<Call> call) {
  api.on_reader(call, [&api, call] { api.overview().watch(call); });
}

}  // namespace

std::vector<Route> stats_routes() {
  return {
      {.method = "GET",
       .path = "/api/v1/stats",
       .group = "stats",
       .operation = "getStats",
       .summary = "Counts of jobs by status, what waits and runs, and the last hour",
       .answers = {{200, "at most a few seconds old", "Stats"}},
       .problems = {429},
       .handler = show},
      {.method = "GET",
       .path = "/api/v1/stats/events",
       .group = "stats",
       .operation = "watchStats",
       .summary = "The same without the last hour, now and whenever something has changed, once a second at most",
       .parameters = {{.name = "Last-Event-ID",
                       .doc = "of no meaning: each event has all there is",
                       .in = Parameter::In::header}},
       .answers = {{200, "events named `overview`", "Stats", "text/event-stream"}},
       .problems = {429},
       .handler = watch},
  };
}

}  // namespace coremachine::http
