#include "triggers/http/api/peer_message.hpp"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "core/model/utf8.hpp"

namespace coremachine::http {
namespace {

namespace json = boost::json;

bool is_utf8(std::string_view text) {
  return find_invalid_utf8(text) == std::string_view::npos;
}

/// Without what the store would not take: nothing looks at fields that are not UTF-8.
json::array to_json(const std::vector<Field>& fields) {
  json::array list;
  for (const auto& field : fields) {
    if (is_utf8(field.name) && is_utf8(field.value)) list.push_back(json::array{field.name, field.value});
  }
  return list;
}

std::vector<Field> fields_of(const json::object& message) {
  std::vector<Field> fields;
  for (const auto& each : message.at("fields").as_array()) {
    const auto& pair = each.as_array();
    fields.push_back({std::string(pair.at(0).as_string()), std::string(pair.at(1).as_string())});
  }
  return fields;
}

}  // namespace

std::string text_of(const json::object& message, std::string_view name) {
  const auto* value = message.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string text_of_message(json::object message, std::string_view kind, std::uint64_t id) {
  message["kind"] = kind;
  message["id"] = id;
  return json::serialize(message);
}

std::string numbered(std::string_view message, std::uint64_t number) {
  auto text = R"({"number":)" + std::to_string(number) + ",";
  return text.append(message.substr(1));
}

json::object message_of(const Request& request) {
  return {{"method", request.method}, {"target", request.target}, {"fields", to_json(request.fields)},
          {"body", request.body},     {"peer", request.peer},     {"request_id", request.id}};
}

Request request_of(const json::object& message) {
  Request request;
  request.method = text_of(message, "method");
  request.target = text_of(message, "target");
  request.fields = fields_of(message);
  request.body = text_of(message, "body");
  request.peer = text_of(message, "peer");
  request.id = text_of(message, "request_id");
  return request;
}

json::object message_of(const Response& response, bool streams) {
  return {
      {"status", response.status}, {"fields", to_json(response.fields)}, {"body", response.body}, {"streams", streams}};
}

Response response_of(const json::object& message) {
  return {message.at("status").to_number<int>(), fields_of(message), text_of(message, "body")};
}

}  // namespace coremachine::http
