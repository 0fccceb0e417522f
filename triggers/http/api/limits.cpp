// Limits of task types, and their pause.

#include <set>
#include <utility>

#include <boost/json/array.hpp>

#include "triggers/http/api/api.hpp"
#include "triggers/http/api/bodies.hpp"

namespace coremachine::http {
namespace {

json::object to_json(const std::string& task_type, const TypeLimit& limit) {
  json::object out{{"task_type", task_type}};
  out["max_concurrency"] = limit.max_concurrency;
  out["rate"] = limit.rate;
  out["burst"] = limit.burst;
  out["paused"] = limit.paused;
  return out;
}

json::object to_json(const std::map<std::string, TypeLimit>& limits) {
  json::array items;
  for (const auto& [type, limit] : limits) items.push_back(to_json(type, limit));
  json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = nullptr;
  return out;
}

TypeLimit limit_of(const LimitBody& body) {
  return {.max_concurrency = body.max_concurrency, .rate = body.rate, .burst = body.burst, .paused = body.paused};
}

TypeLimit limit_in_force(CoreMachine& machine, const std::string& task_type) {
  const auto limits = machine.limits();
  const auto at = limits.find(task_type);
  return at == limits.end() ? TypeLimit{} : at->second;
}

/// Sets a limit and answers with it.
void set_and_show(Api& api, const std::shared_ptr<Call>& call, const std::string& name,
                  std::function<TypeLimit(const TypeLimit& now)> change) {
  if (const auto info = api.tasks().get_info(name); !info) return call->refuse(info.error());
  api.ask(
      call,
      [name, change = std::move(change)](CoreMachine& machine) {
        return machine.set_limit(name, change(limit_in_force(machine, name)));
      },
      [&api, call, name] { call->send(200, to_json(name, limit_in_force(api.machine(), name))); });
}

void list(Api& api, std::shared_ptr<Call> call) {
  api.on_reader(call, [&api, call] { call->send(200, to_json(api.machine().limits())); });
}

/// One limit, or `{items: […]}`; nothing: the call was refused.
std::optional<std::vector<NamedLimitBody>> limits_of(Call& call) {
  if (call.body().get_object().contains("items")) {
    auto many = body_of<LimitsBody>(call);
    return many ? std::optional(std::move(many->items)) : std::nullopt;
  }
  auto one = body_of<NamedLimitBody>(call);
  return one ? std::optional(std::vector<NamedLimitBody>{std::move(*one)}) : std::nullopt;
}

void put_all(Api& api, std::shared_ptr<Call> call) {
  auto limits = limits_of(*call);
  if (!limits) return;
  // All or nothing, as far as that can be said before.
  std::vector<ParamFault> faults;
  std::set<std::string_view> seen;
  const bool many = call->body().get_object().contains("items");
  for (std::size_t i = 0; i < limits->size(); ++i) {
    const auto place = many ? "/items/" + std::to_string(i) : std::string();
    const auto& limit = (*limits)[i];
    if (const auto info = api.tasks().get_info(limit.task_type); !info) {
      faults.push_back({place + "/task_type", info.error().message});
    }
    if (limit.burst > 0 && limit.rate == 0) faults.push_back({place + "/burst", "needs a rate"});
    if (!seen.insert(limit.task_type).second) faults.push_back({place + "/task_type", "comes twice"});
  }
  if (!faults.empty()) return call->refuse(refused_body(std::move(faults)));
  const auto set = [limits = std::move(*limits)](CoreMachine& machine) -> Result<std::map<std::string, TypeLimit>> {
    for (const auto& limit : limits) {
      if (auto done = machine.set_limit(limit.task_type, limit_of(limit)); !done) return done.error();
    }
    return machine.limits();
  };
  api.ask(call, set, [call](const std::map<std::string, TypeLimit>& all) { call->send(200, to_json(all)); });
}

void show_one(Api& api, std::shared_ptr<Call> call) {
  const auto& name = call->path("task_type");
  if (const auto info = api.tasks().get_info(name); !info) return call->refuse(info.error());
  api.on_reader(call, [&api, call, name] { call->send(200, to_json(name, limit_in_force(api.machine(), name))); });
}

void put_one(Api& api, std::shared_ptr<Call> call) {
  const auto body = body_of<LimitOfPathBody>(*call);
  if (!body) return;
  if (body->task_type && *body->task_type != call->path("task_type")) {
    return call->refuse(refused_body({{"/task_type", "is not the one in the path, " + call->path("task_type")}}));
  }
  if (body->burst > 0 && body->rate == 0) return call->refuse(refused_body({{"/burst", "needs a rate"}}));
  set_and_show(api, call, call->path("task_type"), [limit = limit_of(*body)](const TypeLimit&) { return limit; });
}

void remove_one(Api& api, std::shared_ptr<Call> call) {
  const auto& name = call->path("task_type");
  if (const auto info = api.tasks().get_info(name); !info) return call->refuse(info.error());
  api.ask(
      call, [name](CoreMachine& machine) { return machine.set_limit(name, TypeLimit{}); },
      [call] {
        call->send(Response{204, {}, {}});
      });
}

template <bool paused>
void set_paused(Api& api, std::shared_ptr<Call> call) {
  set_and_show(api, call, call->path("name"), [](TypeLimit limit) {
    limit.paused = paused;
    return limit;
  });
}

Route pause_route(std::string_view path, std::string_view operation, std::string_view summary, Handler handler) {
  return {.method = "POST",
          .path = path,
          .role = Role::admin,
          .group = "limits",
          .operation = operation,
          .summary = summary,
          .answers = {{200, "the limit of the task type, with `paused`", "Limit"}},
          .handler = handler};
}

std::vector<Route> pause_routes() {
  return {
      pause_route("/api/v1/tasks/{name}/$pause", "pauseTask", "Start no more tasks of this type", set_paused<true>),
      pause_route("/api/v1/tasks/{name}/$resume", "resumeTask", "Start tasks of this type again", set_paused<false>),
      pause_route("/api/v1/queues/{name}/$pause", "pauseQueue", "The same, by the name of its queue", set_paused<true>),
      pause_route("/api/v1/queues/{name}/$resume", "resumeQueue", "The same, by the name of its queue",
                  set_paused<false>),
  };
}

}  // namespace

std::vector<Route> limit_routes() {
  std::vector<Route> all{
      {.method = "GET",
       .path = "/api/v1/limits",
       .group = "limits",
       .operation = "listLimits",
       .summary = "List the limits that are set, by task type",
       .answers = {{200, "all of them", "Limits"}},
       .handler = list},
      {.method = "PUT",
       .path = "/api/v1/limits",
       .role = Role::admin,
       .group = "limits",
       .operation = "putLimits",
       .summary = "Set the limits of the task types that the body names, and leave the others; in force at once",
       .body = "PutLimits",
       .answers = {{200, "all limits that are set now", "Limits"}},
       .handler = put_all},
      {.method = "GET",
       .path = "/api/v1/limits/{task_type}",
       .group = "limits",
       .operation = "getLimit",
       .summary = "Show the limit of a task type",
       .answers = {{200, "the limit; zeros if none is set", "Limit"}},
       .handler = show_one},
      {.method = "PUT",
       .path = "/api/v1/limits/{task_type}",
       .role = Role::admin,
       .group = "limits",
       .operation = "putLimit",
       .summary = "Set the limit of a task type; in force at once",
       .body = "PutLimit",
       .answers = {{200, "the limit", "Limit"}},
       .handler = put_one},
      {.method = "DELETE",
       .path = "/api/v1/limits/{task_type}",
       .role = Role::admin,
       .group = "limits",
       .operation = "deleteLimit",
       .summary = "Take the limit of a task type away",
       .answers = {{204, "it has none now"}},
       .handler = remove_one},
  };
  for (auto& route : pause_routes()) all.push_back(std::move(route));
  return all;
}

}  // namespace coremachine::http
