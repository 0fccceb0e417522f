// Who runs tasks, and what waits for them.

#include <utility>

#include <boost/json/array.hpp>

#include <coremachine/runtime/status.hpp>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

template <class Item>
json::object page_of(const std::vector<Item>& items) {
  json::array array;
  for (const auto& item : items) array.push_back(to_json(item));
  json::object out;
  out["items"] = std::move(array);
  out["next_cursor"] = nullptr;
  return out;
}

void list_workers(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call, [](CoreMachine& machine) { return machine.workers(); },
      [&api, call](const std::vector<WorkerStatus>& workers) {
        auto page = page_of(workers);
        const auto& server = api.options().server_name;
        for (auto& worker : page.at("items").as_array()) {
          if (!server.empty() && worker.at("kind") == "local") worker.as_object()["server"] = server;
        }
        call->send(200, page);
      });
}

json::object to_json(const QueueHealth& health) {
  json::object out{{"url", health.url},         {"up", health.is_up},        {"fault", nullptr},
                   {"workers", health.workers}, {"waiting", health.waiting}, {"running", health.running}};
  if (!health.is_up) out["fault"] = health.fault;
  return out;
}

void list_queues(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call, [](CoreMachine& machine) { return machine.queues(); },
      [&api, call](const std::vector<QueueStatus>& queues) {
        auto page = page_of(queues);
        if (const auto& health = api.options().queue) page["transport"] = to_json(health());
        call->send(200, page);
      });
}

void show_queue(Api& api, std::shared_ptr<Call> call) {
  const auto& name = call->path("name");
  if (const auto info = api.tasks().get_info(name); !info) return call->refuse(info.error());
  api.ask(
      call, [](CoreMachine& machine) { return machine.queues(); },
      [call, name](const std::vector<QueueStatus>& queues) {
        for (const auto& queue : queues) {
          if (queue.name == name) return call->send(200, to_json(queue));
        }
        QueueStatus nothing_waits;
        nothing_waits.name = name;
        call->send(200, to_json(nothing_waits));
      });
}

}  // namespace

std::vector<Route> worker_routes() {
  return {
      {.method = "GET",
       .path = "/api/v1/workers",
       .group = "workers",
       .operation = "listWorkers",
       .summary = "Who runs tasks, and which run now",
       .answers = {{200, "all workers", "WorkerPage"}},
       .problems = {429},
       .handler = list_workers},
      {.method = "GET",
       .path = "/api/v1/queues",
       .group = "workers",
       .operation = "listQueues",
       .summary = "What waits of each task type: how many, and for how long",
       .answers = {{200, "all queues, by task type", "QueuePage"}},
       .problems = {429},
       .handler = list_queues},
      {.method = "GET",
       .path = "/api/v1/queues/{name}",
       .group = "workers",
       .operation = "getQueue",
       .summary = "What waits of one task type",
       .answers = {{200, "the queue", "Queue"}},
       .problems = {429},
       .handler = show_queue},
  };
}

}  // namespace coremachine::http
