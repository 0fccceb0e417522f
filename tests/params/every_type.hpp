#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/params/params.hpp>

namespace coremachine::tests {

enum class Colour { red, green, dark_blue };
BOOST_DESCRIBE_ENUM(Colour, red, green, dark_blue)

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y))

struct Named {
  std::string name;
  friend bool operator==(const Named&, const Named&) = default;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name))

/// A tree: it contains its own kind.
struct Node {
  int value = 0;
  std::vector<Node> children;
  static void rules(params::Fields<Node>& fields) { fields[&Node::children].by_default(); }
  friend bool operator==(const Node&, const Node&) = default;
};
BOOST_DESCRIBE_STRUCT(Node, (), (value, children))

/// One member of each type that params may have.
struct EveryType : Named {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint8_t byte = 0;
  std::int16_t small = 0;
  std::uint32_t medium = 0;
  std::int64_t large = 0;
  std::uint64_t huge = 0;
  float single = 0;
  double number = 0;
  Colour colour = Colour::red;
  std::optional<int> perhaps;
  std::optional<Point> perhaps_point;
  std::optional<std::string> text_or_default = "initial";
  std::vector<bool> flags;
  std::vector<std::optional<Colour>> colours;
  std::map<std::string, Point> points;
  std::map<std::string, std::vector<std::vector<int>>> deep;
  Point point;
  Node tree;
  json::value anything;
  json::object any_object;
  int not_described = 7;
  friend bool operator==(const EveryType&, const EveryType&) = default;
};
BOOST_DESCRIBE_STRUCT(EveryType, (Named),
                      (flag, tiny, byte, small, medium, large, huge, single, number, colour, perhaps, perhaps_point,
                       text_or_default, flags, colours, points, deep, point, tree, anything, any_object))

}  // namespace coremachine::tests
