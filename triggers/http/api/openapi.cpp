#include "triggers/http/api/openapi.hpp"

#include <map>
#include <set>
#include <utility>

#include <boost/json/array.hpp>

#include "triggers/http/api/problem.hpp"
#include "triggers/http/api/route.hpp"
#include "triggers/http/wire/response_writer.hpp"

namespace coremachine::http {
namespace {

json::object reference_to(std::string_view section, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(section) + "/" + std::string(name)}};
}

json::object content_of(std::string_view media_type, std::string_view schema) {
  json::object media;
  media["schema"] = schema.empty() ? json::object() : reference_to("schemas", schema);
  return {{media_type, std::move(media)}};
}

std::string doc_of(std::string_view variable) {
  static const std::map<std::string_view, std::string_view> docs{
      {"job_type", "a job type, as GET /job-types lists them"},
      {"type", "a job type"},
      {"name", "a task type, as GET /tasks lists them"},
      {"task_type", "a task type"},
      {"id", "the id"},
  };
  const auto at = docs.find(variable);
  return std::string(at == docs.end() ? variable : at->second);
}

json::array parameters_of(const Route& route) {
  json::array all;
  for (const auto variable : path_variables(route.path)) {
    json::object parameter{{"name", variable}, {"in", "path"}, {"required", true}};
    parameter["description"] = doc_of(variable);
    parameter["schema"] = json::object{{"type", "string"}};
    all.push_back(std::move(parameter));
  }
  for (const auto& declared : route.parameters) {
    json::object parameter{{"name", declared.name}};
    parameter["in"] = declared.in == Parameter::In::query ? "query" : "header";
    parameter["description"] = declared.doc;
    auto schema = schema_of(declared);
    const auto* type = schema.if_contains("type");
    if (type && *type == "array") {
      parameter["style"] = "form";
      parameter["explode"] = false;
    }
    parameter["schema"] = std::move(schema);
    all.push_back(std::move(parameter));
  }
  return all;
}

json::object responses_of(const Route& route) {
  json::object responses;
  for (const auto& answer : route.answers) {
    json::object response{{"description", answer.doc}};
    const bool has_content = answer.status != 204 && answer.status != 304 && !answer.media_type.empty();
    if (has_content) response["content"] = content_of(answer.media_type, answer.schema);
    json::object headers{{"X-Request-Id", reference_to("headers", "RequestId")}};
    for (const auto field : answer.fields) headers[field] = json::object{{"schema", {{"type", "string"}}}};
    response["headers"] = std::move(headers);
    responses[std::to_string(answer.status)] = std::move(response);
  }
  for (const int status : problem_statuses(route)) {
    responses[std::to_string(status)] = reference_to("responses", "Problem" + std::to_string(status));
  }
  return responses;
}

json::object operation_of(const Route& route) {
  json::object operation{{"operationId", route.operation}, {"summary", route.summary}};
  operation["tags"] = json::array{route.group};
  if (auto parameters = parameters_of(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!route.body.empty()) {
    json::object body{{"required", true}};
    body["content"] = content_of(json_media_type, route.body);
    operation["requestBody"] = std::move(body);
  }
  if (route.receive) {
    json::object body{{"required", true}};
    body["content"] = content_of("*/*", {});
    operation["requestBody"] = std::move(body);
  }
  operation["responses"] = responses_of(route);
  operation["security"] = json::array();
  if (route.role) {
    json::object with_token;
    with_token["token"] = json::array();
    operation["security"] = json::array{json::object(), std::move(with_token)};
    operation["x-role"] = role_in_words(route);
  }
  return operation;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

json::object paths() {
  json::object all;
  for (const auto& route : routes()) {
    auto& item = all[route.path];
    if (!item.is_object()) item = json::object();
    item.get_object()[lower(route.method)] = operation_of(route);
  }
  return all;
}

json::object problem_responses() {
  std::set<int> statuses;
  for (const auto& route : routes()) {
    for (const int status : problem_statuses(route)) statuses.insert(status);
  }
  json::object all;
  for (const int status : statuses) {
    json::object response{{"description", reason_phrase(status)}};
    response["content"] = content_of(problem_media_type, "Problem");
    json::object headers{{"X-Request-Id", reference_to("headers", "RequestId")}};
    if (status == 429 || status == 503) {
      headers["Retry-After"] = json::object{{"description", "seconds"}, {"schema", {{"type", "integer"}}}};
    }
    response["headers"] = std::move(headers);
    all["Problem" + std::to_string(status)] = std::move(response);
  }
  return all;
}

json::array groups() {
  json::array all;
  std::set<std::string_view> seen;
  for (const auto& route : routes()) {
    if (seen.insert(route.group).second) all.push_back(json::object{{"name", route.group}});
  }
  return all;
}

}  // namespace

json::object make_openapi(std::string_view version) {
  json::object document{{"openapi", "3.1.0"}};
  document["info"] = json::object{{"title", "CoreMachine"},
                                  {"version", version},
                                  {"description",
                                   "Durable multi-stage workflows. A `$verb` after an id or a name also works without "
                                   "the `$`. HEAD works where GET "
                                   "does, and OPTIONS everywhere. docs/http-api.md has the whole reference."}};
  document["servers"] = json::array{json::object{{"url", "/"}}};
  document["tags"] = groups();
  document["paths"] = paths();
  json::object components;
  components["schemas"] = component_schemas();
  components["responses"] = problem_responses();
  json::object request_id{{"description", "names the request; the `request_id` of a problem"}};
  request_id["schema"] = json::object{{"type", "string"}};
  components["headers"] = json::object{{"RequestId", std::move(request_id)}};
  json::object token{{"type", "http"}, {"scheme", "bearer"}};
  token["description"] = "where the server has a token file";
  components["securitySchemes"] = json::object{{"token", std::move(token)}};
  document["components"] = std::move(components);
  return document;
}

}  // namespace coremachine::http
