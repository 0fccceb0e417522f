#include <algorithm>
#include <string>
#include <utility>

#include <boost/json/array.hpp>

#include <coremachine/params/shape.hpp>

#include "core/params/pattern.hpp"

namespace coremachine::params {

namespace {

/// The last part of a C++ name, without what has a meaning in a pointer: `a::Box<b::C>` is `Box_b__C_`.
std::string definition_name(const std::string& type_name) {
  const auto last = type_name.rfind("::", type_name.find('<'));
  auto name = last == std::string::npos ? type_name : type_name.substr(last + 2);
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return !is_plain(c); }, '_');
  return name;
}

/// Structs are written where they stand, so that a schema can be put anywhere. Only one that contains itself needs a
/// definition to refer to.
class Writer {
 public:
  json::object of(const Record& root) {
    find_recursive(root);
    json::object schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"}};
    for (const auto& keyword : written(root)) schema.emplace(keyword.key(), keyword.value());
    if (definitions_.empty()) return schema;
    json::object definitions;
    for (const auto& [record, name] : definitions_) definitions.emplace(name, written(*record));
    schema.emplace("$defs", std::move(definitions));
    return schema;
  }

 private:
  void find_recursive(const Record& record) {
    if (std::find(open_.begin(), open_.end(), &record) != open_.end()) return define(record);
    if (std::find(seen_.begin(), seen_.end(), &record) != seen_.end()) return;
    seen_.push_back(&record);
    open_.push_back(&record);
    for (const auto& member : record.members) {
      const auto* shape = &member.shape;
      while (shape->each) shape = shape->each.get();
      if (shape->record) find_recursive(shape->record());
    }
    open_.pop_back();
  }

  void define(const Record& record) {
    const auto is_it = [&](const auto& definition) { return definition.first == &record; };
    if (std::any_of(definitions_.begin(), definitions_.end(), is_it)) return;
    const auto plain = definition_name(record.type_name);
    auto name = plain;
    const auto is_taken = [&](const auto& definition) { return definition.second == name; };
    for (int i = 2; std::any_of(definitions_.begin(), definitions_.end(), is_taken); ++i) {
      name = plain + "_" + std::to_string(i);
    }
    definitions_.emplace_back(&record, std::move(name));
  }

  json::object written(const Record& record) const {
    json::object properties;
    json::array required;
    for (const auto& member : record.members) {
      auto property = written(member.shape);
      if (!member.is_required && !member.is_left_out_as_null()) property["default"] = member.initial;
      properties.emplace(member.name, std::move(property));
      if (member.is_required) required.emplace_back(member.name);
    }
    json::object schema;
    if (!record.doc.empty()) schema.emplace("description", record.doc);
    schema.emplace("type", "object");
    schema.emplace("properties", std::move(properties));
    if (!required.empty()) schema.emplace("required", std::move(required));
    schema.emplace("additionalProperties", false);
    return schema;
  }

  json::object written(const Shape& shape) const {
    json::object schema;
    if (shape.kind == Shape::Kind::record) {
      schema = written_or_referred_to(shape);
    } else {
      write_kind(schema, shape);
      if (!shape.allowed.empty()) schema.emplace("enum", json::array(shape.allowed.begin(), shape.allowed.end()));
      if (shape.nullable) allow_null(schema);
    }
    if (!shape.doc.empty()) schema["description"] = shape.doc;
    for (const auto& keyword : shape.schema) schema[keyword.key()] = keyword.value();
    return schema;
  }

  json::object written_or_referred_to(const Shape& shape) const {
    const auto& record = shape.record();
    const auto found = std::find_if(definitions_.begin(), definitions_.end(),
                                    [&](const auto& definition) { return definition.first == &record; });
    if (found == definitions_.end()) {
      auto schema = written(record);
      if (shape.nullable) allow_null(schema);
      return schema;
    }
    json::object reference{{"$ref", "#/$defs/" + found->second}};
    if (!shape.nullable) return reference;
    json::array either;
    either.push_back(std::move(reference));
    either.push_back(json::object{{"type", "null"}});
    json::object schema;
    schema.emplace("anyOf", std::move(either));
    return schema;
  }

  static void allow_null(json::object& schema) {
    if (auto* type = schema.if_contains("type")) *type = json::array{*type, "null"};
    if (auto* allowed = schema.if_contains("enum")) allowed->get_array().emplace_back(nullptr);
  }

  void write_kind(json::object& schema, const Shape& shape) const {
    switch (shape.kind) {
      case Shape::Kind::any:
      case Shape::Kind::record: return;
      case Shape::Kind::any_object: schema.emplace("type", "object"); return;
      case Shape::Kind::boolean: schema.emplace("type", "boolean"); return;
      case Shape::Kind::integer: return write_limits(schema, shape, "integer");
      case Shape::Kind::number: return write_limits(schema, shape, "number");
      case Shape::Kind::name: schema.emplace("type", "string"); return;
      case Shape::Kind::text:
        schema.emplace("type", "string");
        write_sizes(schema, shape, "minLength", "maxLength");
        if (shape.pattern) schema.emplace("pattern", shape.pattern->expression());
        return;
      case Shape::Kind::list:
        schema.emplace("type", "array");
        schema.emplace("items", written(*shape.each));
        return write_sizes(schema, shape, "minItems", "maxItems");
      case Shape::Kind::map:
        schema.emplace("type", "object");
        schema.emplace("additionalProperties", written(*shape.each));
        return write_sizes(schema, shape, "minProperties", "maxProperties");
    }
  }

  /// The ends of 64 bits are left out: they are not a rule of anyone's, and few readers get them right.
  static void write_limits(json::object& schema, const Shape& shape, const char* type) {
    schema.emplace("type", type);
    const auto& least = shape.lowest;
    const auto& most = shape.highest;
    if (!least.is_null() && least != INT64_MIN) schema.emplace("minimum", least);
    if (!most.is_null() && most != INT64_MAX && most != UINT64_MAX) schema.emplace("maximum", most);
  }

  static void write_sizes(json::object& schema, const Shape& shape, const char* fewest, const char* most) {
    if (shape.fewest > 0) schema.emplace(fewest, shape.fewest);
    if (shape.most != Shape::no_limit) schema.emplace(most, shape.most);
  }

  std::vector<const Record*> open_ = {};  ///< the structs around the one that is looked at
  std::vector<const Record*> seen_ = {};
  std::vector<std::pair<const Record*, std::string>> definitions_ = {};
};

}  // namespace

json::object make_schema(const Record& record) {
  return Writer().of(record);
}

}  // namespace coremachine::params
