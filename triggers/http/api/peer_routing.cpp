#include "triggers/http/api/peer_routing.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "core/model/value_parser.hpp"
#include "triggers/http/api/gathering.hpp"
#include "triggers/http/api/problem.hpp"

namespace coremachine::http {
namespace {

bool is_fine(const std::optional<Response>& response) {
  return response && response->status < 400;
}

void add_counts(json::object& total, const json::object& other) {
  for (const auto* name : {"matched", "changed"}) {
    total[name] = total.at(name).to_number<std::uint64_t>() + other.at(name).to_number<std::uint64_t>();
  }
}

void keep(json::object& total, const json::object& other, std::string_view name, bool greater) {
  auto& mine = total[name];
  const auto& theirs = other.at(name);
  if (theirs.is_null()) return;
  const auto less = [](const json::value& a, const json::value& b) {
    return a.is_string() ? a.get_string() < b.get_string() : a.to_number<double>() < b.to_number<double>();
  };
  if (mine.is_null() || less(mine, theirs) == greater) mine = theirs;
}

void add_queue(json::object& total, const json::object& other) {
  for (const auto* name : {"depth", "running"})
    total[name] = total.at(name).to_number<std::uint64_t>() + other.at(name).to_number<std::uint64_t>();
  keep(total, other, "oldest_age", true);
  total["available"] = total.at("available").as_bool() || other.at("available").as_bool();
}

/// A worker that takes tasks of several servers.
void add_worker(json::object& total, const json::object& other) {
  auto& tasks = total.at("tasks").as_array();
  for (const auto& task : other.at("tasks").as_array()) tasks.push_back(task);
  total["running"] = tasks.size();
  keep(total, other, "connected_at", false);
  keep(total, other, "last_seen", true);
}

/// Each server has threads of its own.
std::string name_in_list(const json::object& item) {
  const auto* server = item.if_contains("server");
  return std::string(item.at("name").as_string()) + (server ? " of " + std::string(server->as_string()) : "");
}

void add_items(json::object& total, const json::object& other, void (*add)(json::object&, const json::object&)) {
  auto& items = total.at("items").as_array();
  for (const auto& item : other.at("items").as_array()) {
    const auto same = std::find_if(items.begin(), items.end(), [&](const json::value& mine) {
      return name_in_list(mine.as_object()) == name_in_list(item.as_object());
    });
    if (same != items.end()) {
      add(same->as_object(), item.as_object());
    } else {
      items.push_back(item);
    }
  }
  std::sort(items.begin(), items.end(), [](const json::value& a, const json::value& b) {
    return name_in_list(a.as_object()) < name_in_list(b.as_object());
  });
}

using Add = void (*)(json::object& total, const json::object& other);

Add adding(std::string_view path) {
  if (path == "/api/v1/workers")
    return [](json::object& total, const json::object& other) { add_items(total, other, add_worker); };
  if (path == "/api/v1/queues")
    return [](json::object& total, const json::object& other) { add_items(total, other, add_queue); };
  if (path == "/api/v1/queues/{name}") return add_queue;
  if (path.starts_with("/api/v1/jobs/$")) return add_counts;
  return nullptr;
}

/// The first part is from here.
Response sum_of(Gathering::Parts parts, Add add, bool is_list, const std::string& request_id) {
  auto here = std::move(parts.front());
  if (!here) return to_response(unavailable("this server did not answer in time", std::chrono::seconds{1}), request_id);
  if (!is_fine(here)) return std::move(*here);
  for (const auto& part : parts) {
    if (&part != &parts.front() && part && !is_fine(part) && !is_list) return *part;
  }
  if (!add) return std::move(*here);
  auto total = parse_value(here->body);
  for (const auto& part : parts) {
    if (&part != &parts.front() && is_fine(part)) add(total.as_object(), parse_value(part->body).as_object());
  }
  here->body = json::serialize(total);
  return std::move(*here);
}

bool happens_once(const Match& match, const Route& route, const Request& request, const JobRegistry& jobs) {
  if (request.find("idempotency-key")) return true;
  if (route.operation != "submitJob") return false;
  const auto info = jobs.get_info(match.values.at(0));
  return info && info->unique_by_params;
}

}  // namespace

Whose whose(const Match& match, const Request& request, const JobRegistry& jobs) {
  const auto* route = match.find(request.method);
  if (!route) return Whose::anyone;
  const auto path = route->path;
  if (path.starts_with("/api/v1/jobs/{id}")) return Whose::owner;
  if (path.starts_with("/api/v1/schedules")) return Whose::first;
  if (path.starts_with("/api/v1/jobs/$")) return Whose::everyone;
  if (path.starts_with("/api/v1/workers/$")) return Whose::workers;
  if (path == "/api/v1/workers" || (route->method == "GET" && path.starts_with("/api/v1/queues")))
    return Whose::everyone;
  if (route->method != "GET" && (path.starts_with("/api/v1/limits") || path.starts_with("/api/v1/queues")))
    return Whose::everyone;
  if (route->method == "POST" && happens_once(match, *route, request, jobs)) return Whose::first;
  return Whose::anyone;
}

void ask_everyone(PeerDesk& desk, Timers& timers, const std::vector<Peer>& peers, const Request& request,
                  std::unique_ptr<Outlet> outlet, const PeerDesk::Answer& here, Milliseconds patience) {
  const auto* route = destination_of(request)->match.find(request.method);
  const bool is_list = route->method == "GET";
  auto sum = [add = adding(route->path), is_list, id = request.id](Gathering::Parts parts) {
    return sum_of(std::move(parts), add, is_list, id);
  };
  const auto whole = std::make_shared<Gathering>(peers.size() + 1, request.id, std::move(outlet), std::move(sum));
  if (is_list) whole->wait_at_most(timers, patience);
  std::size_t index = 0;
  for (const auto peer : peers) desk.pass_on(peer, request, whole->part(++index));
  here(request, whole->part(0));
}

}  // namespace coremachine::http
