#pragma once

#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace coremachine::builtin {

namespace json = boost::json;

/// The JSON Schema of a params object that has these members and no other.
inline json::object params_schema(json::object properties, json::array required = {}) {
  json::object schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"type", "object"}};
  schema.emplace("properties", std::move(properties));
  if (!required.empty()) schema.emplace("required", std::move(required));
  schema.emplace("additionalProperties", false);
  return schema;
}

}  // namespace coremachine::builtin
