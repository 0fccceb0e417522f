// What happens to a job, as server-sent events.

#include <utility>

#include "triggers/http/api/event_stream.hpp"

namespace coremachine::http {
namespace {

void follow(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  const auto& parameters = call->parameters();
  const auto after = parameters.integer("Last-Event-ID").value_or(parameters.integer("after").value_or(0));
  api.on_reader(call, [&api, call, id = *id, after] {
    std::make_shared<EventStream>(api, call)->begin(id, static_cast<std::uint64_t>(after));
  });
}

}  // namespace

std::vector<Route> event_routes() {
  return {{.method = "GET",
           .path = "/api/v1/jobs/{id}/events",
           .group = "jobs",
           .operation = "followJob",
           .summary = "What has happened to a job and what happens from now on, to its end",
           .parameters = {{.name = "after",
                           .kind = ParameterKind::integer,
                           .doc = "only events with a higher `seq`",
                           .low = 0,
                           .initial = "0"},
                          {.name = "Last-Event-ID",
                           .kind = ParameterKind::integer,
                           .doc = "the same; browsers send it when they come back",
                           .low = 0,
                           .in = Parameter::In::header}},
           .answers = {{200, "events as they come", "JobEvent", "text/event-stream"},
                       {204, "it is over, and nothing came after that event"}},
           .problems = {429},
           .handler = follow}};
}

}  // namespace coremachine::http
