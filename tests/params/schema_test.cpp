#include <string>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/params/every_type.hpp"

using namespace coremachine;
using namespace coremachine::tests;

namespace {

struct Tile {
  std::int16_t zoom = 3;
  std::optional<Point> corner;
  std::vector<std::string> names;
  std::map<std::string, std::uint64_t> sizes;
  std::optional<Colour> colour = Colour::red;
  double share = 0.5;
  json::value join = "strict";
  Point centre{1, 2};
  std::string id;

  static void rules(params::Fields<Tile>& fields) {
    fields.doc("One tile").by_default();
    fields[&Tile::zoom].doc("level").range(0, 20);
    fields[&Tile::corner].doc("where it begins");
    fields[&Tile::names].min_items(1).max_items(5).required().each().max_length(9).doc("one name");
    fields[&Tile::sizes].max_items(7).each().at_least(1);
    fields[&Tile::share].at_most(1);
    fields[&Tile::join].schema({{"enum", {"strict", "loose"}}, {"description", "said by hand"}});
    fields[&Tile::id].min_length(1).pattern("^[a-z]+$").required();
  }
};
BOOST_DESCRIBE_STRUCT(Tile, (), (zoom, corner, names, sizes, colour, share, join, centre, id))

/// Two structs that contain each other, and one that holds them.
struct Branch;
struct Leaf {
  std::vector<Branch> grown;
};
struct Branch {
  std::map<std::string, Leaf> leaves;
  Point at;
};
BOOST_DESCRIBE_STRUCT(Leaf, (), (grown))
BOOST_DESCRIBE_STRUCT(Branch, (), (leaves, at))
struct Garden {
  Node node;
  std::optional<Leaf> leaf;
  static void rules(params::Fields<Garden>& fields) { fields[&Garden::node].doc("the first"); }
};
BOOST_DESCRIBE_STRUCT(Garden, (), (node, leaf))

/// Text of JSON, made readable.
std::string plain(const std::string& text) {
  return json::serialize(json::parse(text));
}

}  // namespace

TEST_SUITE("params: schema") {
  TEST_CASE("it has everything that the declaration says, in its order") {
    CHECK(json::serialize(params::schema<Tile>()) == plain(R"({
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "description": "One tile",
      "type": "object",
      "properties": {
        "zoom": {"type": "integer", "minimum": 0, "maximum": 20, "description": "level", "default": 3},
        "corner": {"type": ["object", "null"],
                   "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                   "required": ["x", "y"], "additionalProperties": false, "description": "where it begins"},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 9, "description": "one name"},
                  "minItems": 1, "maxItems": 5},
        "sizes": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}, "maxProperties": 7,
                  "default": {}},
        "colour": {"type": ["string", "null"], "enum": ["red", "green", "dark_blue", null], "default": "red"},
        "share": {"type": "number", "maximum": 1.0, "default": 0.5},
        "join": {"enum": ["strict", "loose"], "description": "said by hand", "default": "strict"},
        "centre": {"type": "object",
                   "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                   "required": ["x", "y"], "additionalProperties": false, "default": {"x": 1.0, "y": 2.0}},
        "id": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$"}
      },
      "required": ["names", "id"],
      "additionalProperties": false
    })"));
  }

  TEST_CASE("every type has its schema") {
    const auto schema = params::schema<EveryType>();
    const auto& properties = schema.at("properties").as_object();
    struct Row {
      const char* member;
      const char* schema;
    };
    const Row rows[] = {
        {"name", R"({"type": "string"})"},
        {"flag", R"({"type": "boolean"})"},
        {"tiny", R"({"type": "integer", "minimum": -128, "maximum": 127})"},
        {"byte", R"({"type": "integer", "minimum": 0, "maximum": 255})"},
        {"large", R"({"type": "integer"})"},
        {"huge", R"({"type": "integer", "minimum": 0})"},
        {"number", R"({"type": "number"})"},
        {"colour", R"({"type": "string", "enum": ["red", "green", "dark_blue"]})"},
        {"perhaps", R"({"type": ["integer", "null"], "minimum": -2147483648, "maximum": 2147483647})"},
        {"text_or_default", R"({"type": ["string", "null"], "default": "initial"})"},
        {"flags", R"({"type": "array", "items": {"type": "boolean"}})"},
        {"anything", R"({})"},
        {"any_object", R"({"type": "object"})"},
        {"tree", R"({"$ref": "#/$defs/Node"})"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.member);
      CHECK(json::serialize(properties.at(row.member)) == plain(row.schema));
    }
    CHECK(properties.size() == params::record_of<EveryType>().members.size());
    CHECK_FALSE(properties.contains("not_described"));
  }

  TEST_CASE("structs that contain themselves are defined once and referred to") {
    const auto garden = params::schema<Garden>();
    CHECK(json::serialize(garden.at("properties")) == plain(R"({
      "node": {"$ref": "#/$defs/Node", "description": "the first"},
      "leaf": {"anyOf": [{"$ref": "#/$defs/Leaf"}, {"type": "null"}]}
    })"));
    CHECK(json::serialize(garden.at("$defs")) == plain(R"({
      "Node": {
        "type": "object",
        "properties": {
          "value": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
          "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}, "default": []}
        },
        "required": ["value"], "additionalProperties": false
      },
      "Leaf": {
        "type": "object",
        "properties": {
          "grown": {"type": "array", "items": {
            "type": "object",
            "properties": {
              "leaves": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Leaf"}},
              "at": {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                     "required": ["x", "y"], "additionalProperties": false}
            },
            "required": ["leaves", "at"], "additionalProperties": false
          }}
        },
        "required": ["grown"], "additionalProperties": false
      }
    })"));
    CHECK(params::schema<Node>().at("$defs").as_object().contains("Node"));
  }
}
