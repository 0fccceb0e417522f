// The server itself: whether it lives and is ready, its metrics, its description.

#include <utility>

#include <boost/json/serialize.hpp>

#include "triggers/http/api/api.hpp"
#include "triggers/http/api/openapi.hpp"

namespace coremachine::http {
namespace {

void live(Api&, std::shared_ptr<Call> call) {
  call->send(200, json::object{{"status", "ok"}});
}

/// What the store says to a read, and the engine to a question about a job that is not there.
json::object checks_of(Api& api) {
  json::object checks;
  try {
    api.machine().limits();
    checks["store"] = "ok";
  } catch (const Failure& failure) {
    checks["store"] = failure.error().message;
  }
  const auto nobody = api.machine().job(JobId{});
  const bool answers = nobody.has_value() || nobody.error().code == ErrorCode::unknown_job;
  checks["queue"] = answers ? std::string("ok") : nobody.error().message;
  if (answers && api.options().queue) {
    const auto health = api.options().queue();
    if (!health.is_up) checks["queue"] = health.url + ": " + health.fault;
  }
  return checks;
}

void ready(Api& api, std::shared_ptr<Call> call) {
  api.on_reader(call, [&api, call] {
    auto checks = api.draining() ? json::object{{"server", "it is stopping"}} : checks_of(api);
    for (const auto& check : checks) {
      if (check.value() == "ok") continue;
      auto problem = problem_of(503, std::string(check.key()) + ": " + std::string(check.value().as_string()));
      problem.code = "not_ready";
      problem.fields.push_back({"retry-after", "5"});
      problem.more["checks"] = std::move(checks);
      return call->refuse(problem);
    }
    json::object body{{"status", "ready"}};
    body["checks"] = std::move(checks);
    call->send(200, body);
  });
}

std::vector<Metric> own_metrics(Api& api) {
  const auto gauge = [](std::string_view name, std::string_view help, std::size_t value) {
    return Metric{.name = std::string(name),
                  .help = std::string(help),
                  .kind = MetricKind::gauge,
                  .samples = {MetricSample{.value = static_cast<double>(value)}}};
  };
  return {
      gauge("coremachine_http_waiting_requests", "Requests that wait for the end of a job.", api.waiting().size()),
      gauge("coremachine_http_event_streams", "Streams of events that are open.", api.streams().size()),
  };
}

void metrics(Api& api, std::shared_ptr<Call> call) {
  api.on_reader(call, [&api, call] {
    auto all = own_metrics(api);
    if (!api.draining() && api.options().metrics) {
      for (auto& metric : api.options().metrics()) all.push_back(std::move(metric));
    }
    call->send(Response{200,
                        {{"content-type", std::string(prometheus_content_type)}, {"cache-control", "no-store"}},
                        to_prometheus(all)});
  });
}

void openapi(Api& api, std::shared_ptr<Call> call) {
  static const auto* const text = new std::string(json::serialize(make_openapi(api.options().version)));
  call->send(Response{200, {{"content-type", std::string(json_media_type)}, {"cache-control", "no-cache"}}, *text});
}

void root(Api& api, std::shared_ptr<Call> call) {
  json::object body{{"name", "coremachine"}, {"version", api.options().version}};
  body["openapi"] = "/openapi.json";
  call->send(200, body);
}

}  // namespace

std::vector<Route> system_routes() {
  return {
      {.method = "GET",
       .path = "/livez",
       .role = std::nullopt,
       .group = "system",
       .operation = "getLiveness",
       .summary = "The server answers",
       .answers = {{200, "it does", "Liveness"}},
       .handler = live},
      {.method = "GET",
       .path = "/readyz",
       .role = std::nullopt,
       .group = "system",
       .operation = "getReadiness",
       .summary = "Store and queue work, and the server is not stopping",
       .answers = {{200, "they do", "Readiness"}},
       .problems = {429, 503},
       .handler = ready},
      {.method = "GET",
       .path = "/metrics",
       .group = "system",
       .operation = "getMetrics",
       .summary = "Metrics in the text format of Prometheus",
       .answers = {{200, "all metrics", "Text", "text/plain; version=0.0.4; charset=utf-8"}},
       .problems = {429},
       .handler = metrics},
      {.method = "GET",
       .path = "/openapi.json",
       .role = std::nullopt,
       .group = "system",
       .operation = "getOpenapi",
       .summary = "This API as an OpenAPI 3.1 document",
       .answers = {{200, "the document", "Object"}},
       .handler = openapi},
      {.method = "GET",
       .path = "/api/v1",
       .role = std::nullopt,
       .group = "system",
       .operation = "getApi",
       .summary = "Name and version of the server",
       .answers = {{200, "them", "Server"}},
       .handler = root},
  };
}

}  // namespace coremachine::http
