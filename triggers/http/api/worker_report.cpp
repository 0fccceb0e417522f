#include "triggers/http/api/worker_report.hpp"

#include <set>
#include <string_view>

#include <boost/json/array.hpp>

#include "core/model/json_reader.hpp"
#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"
#include "triggers/http/api/problem.hpp"

namespace coremachine::http {
namespace {

namespace json = boost::json;

LeaseId lease_of(std::string_view list, std::string_view text) {
  std::optional<LeaseId> lease;
  JsonReader in(text);
  if (list == "leases") {
    lease = LeaseId::parse(in.plain_string());
  } else {
    in.object([&](std::string_view name) {
      if (name == "lease") {
        lease = LeaseId::parse(in.plain_string());
      } else {
        in.raw();
      }
    });
  }
  if (!lease) in.mismatch("that is no lease");
  return *lease;
}

WorkerReport read_report(std::string_view body) {
  WorkerReport said;
  JsonReader in(body);
  std::set<std::string_view> names;
  in.object([&](std::string_view name) {
    if (!names.insert(name).second) in.mismatch("a key is there twice");
    if (name != "outcomes" && name != "leases" && name != "progress")
      return void(said.about.emplace_back(name, in.raw()));
    in.array([&] {
      const auto text = in.raw();
      said.items.push_back({std::string(name), std::string(text), lease_of(name, text)});
    });
  });
  in.end();
  return said;
}

bool is_tasks(std::string_view body) {
  return body.starts_with(R"({"tasks":[)") || body.starts_with(R"({"hand_outs":[)");
}

void append_returned(json::array& outcomes, const json::value& lease, const json::object& task) {
  json::object outcome;
  outcome["lease"] = lease;
  outcome["index"] = task.at("index");
  outcome["attempt"] = task.at("attempt");
  outcome["status"] = "returned";
  outcomes.push_back(std::move(outcome));
}

}  // namespace

std::optional<WorkerReport> WorkerReport::read(const std::string& body) {
  try {
    return read_report(body);
  } catch (const JsonMismatch&) {
    // There may be blanks in it, or escapes in names.
  }
  std::vector<ParamFault> beyond;
  const auto value = read_body(body, beyond, levels_around_values);
  std::string text;
  if (!value || !beyond.empty() || append_json(text, *value)) return std::nullopt;
  try {
    return read_report(text);
  } catch (const JsonMismatch&) {
    return std::nullopt;
  }
}

std::string WorkerReport::text(const std::vector<const Item*>& these) const {
  std::string out = "{";
  for (const auto& [name, value] : about) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(name).append("\":").append(value);
  }
  for (const auto* list : {"outcomes", "leases", "progress"}) {
    std::string elements;
    for (const auto* item : these) {
      if (item->list != list) continue;
      if (!elements.empty()) elements += ',';
      elements += item->text;
    }
    if (elements.empty()) continue;
    if (out.size() > 1) out += ',';
    out.append("\"").append(list).append("\":[").append(elements).append("]");
  }
  return out + "}";
}

bool has_tasks(const Response& response) {
  return response.status == 200 && is_tasks(response.body) && !response.body.ends_with(":[]}");
}

Request return_of(const Response& response) {
  json::array outcomes;
  const auto body = parse_value(response.body).as_object();
  if (const auto* tasks = body.if_contains("tasks")) {
    for (const auto& task : tasks->as_array()) append_returned(outcomes, task.at("lease"), task.as_object());
  }
  if (const auto* hand_outs = body.if_contains("hand_outs")) {
    for (const auto& hand_out : hand_outs->as_array()) {
      for (const auto& task : hand_out.at("tasks").as_array())
        append_returned(outcomes, hand_out.at("lease"), task.as_object());
    }
  }
  json::object report;
  report["worker"] = "nobody";
  report["outcomes"] = std::move(outcomes);
  Request request;
  request.method = "POST";
  request.target = "/api/v1/workers/$complete";
  request.fields.push_back({"content-type", std::string(json_media_type)});
  append_json(request.body, report);
  return request;
}

}  // namespace coremachine::http
