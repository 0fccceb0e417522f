#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "core/model/json_text.hpp"
#include "tests/params/every_type.hpp"

using namespace coremachine;
using namespace coremachine::tests;

namespace {

class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  EveryType every_type() {
    EveryType made;
    made.name = text();
    made.flag = chance();
    made.tiny = integer<std::int8_t>();
    made.byte = integer<std::uint8_t>();
    made.small = integer<std::int16_t>();
    made.medium = integer<std::uint32_t>();
    made.large = integer<std::int64_t>();
    made.huge = integer<std::uint64_t>();
    made.single = static_cast<float>(number());
    made.number = number();
    made.colour = colour();
    if (chance()) made.perhaps = integer<int>();
    if (chance()) made.perhaps_point = point();
    if (chance()) made.text_or_default = chance() ? std::optional(text()) : std::nullopt;
    for (auto n = size(); n > 0; --n) made.flags.push_back(chance());
    for (auto n = size(); n > 0; --n) made.colours.push_back(chance() ? std::optional(colour()) : std::nullopt);
    for (auto n = size(); n > 0; --n) made.points[text()] = point();
    for (auto n = size(); n > 0; --n) made.deep[text()] = {{integer<int>(), 1}, {}, {integer<int>()}};
    made.point = point();
    made.tree = tree(3);
    if (chance()) made.anything = json::array{1, "two", nullptr, json::object{{text(), number()}}};
    if (chance()) made.any_object.emplace(text(), chance());
    return made;
  }

 private:
  bool chance() { return random_() % 2 == 0; }
  std::size_t size() { return random_() % 4; }
  template <class T>
  T integer() {
    const T edges[] = {0, 1, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    const auto bits = static_cast<std::uint64_t>(random_()) << 32U | random_();
    return chance() ? edges[random_() % 4] : static_cast<T>(bits);
  }
  double number() {
    const double edges[] = {0.0, 1.0, -0.5, 1e-300, 1e30, 0.1};
    return chance() ? edges[random_() % 6]
                    : std::ldexp(static_cast<double>(random_()), static_cast<int>(random_() % 60) - 30);
  }
  std::string text() {
    const char* pieces[] = {"", "a", "é", "\xF0\x9F\x99\x82", "~", "/", "\"", "\n", "key"};
    std::string made;
    for (auto n = size(); n > 0; --n) made += pieces[random_() % std::size(pieces)];
    return made;
  }
  Colour colour() { return static_cast<Colour>(random_() % 3); }
  Point point() { return {number(), number()}; }
  Node tree(int depth) {
    Node node{integer<int>(), {}};
    for (auto n = depth > 0 ? size() : 0; n > 0; --n) node.children.push_back(tree(depth - 1));
    return node;
  }

  std::mt19937 random_;
};

}  // namespace

TEST_SUITE("params: round trip") {
  TEST_CASE("what a struct says in JSON, also as text, makes an equal struct") {
    std::size_t left_out = 0;
    for (std::uint32_t seed = 0; seed < 500; ++seed) {
      CAPTURE(seed);
      const auto made = Maker(seed).every_type();
      const auto object = params::to_json(made);
      left_out += object.contains("perhaps") ? 0 : 1;
      const auto parsed = params::parse<EveryType>(object);
      if (!parsed) FAIL(parsed.error().message);
      CHECK(*parsed == made);
      std::string text;
      REQUIRE_FALSE(append_json(text, object).has_value());
      CHECK(params::parse<EveryType>(parse_stored(text).get_object()).value() == made);
      CHECK(params::to_json(*parsed) == object);
    }
    CHECK(left_out > 0);
    CHECK(left_out < 500);
  }

  TEST_CASE("an empty optional is left out only where that says the same") {
    EveryType made;
    CHECK_FALSE(params::to_json(made).contains("perhaps"));
    CHECK(params::to_json(made).at("text_or_default") == "initial");
    made.text_or_default.reset();
    CHECK(params::to_json(made).at("text_or_default").is_null());
    CHECK(params::parse<EveryType>(params::to_json(made)).value() == made);
  }

  TEST_CASE("integers in JSON are of the kind that the parser would choose") {
    EveryType made;
    made.huge = 5;
    CHECK(params::to_json(made).at("huge").is_int64());
    made.huge = UINT64_MAX;
    CHECK(params::to_json(made).at("huge").get_uint64() == UINT64_MAX);
  }

  TEST_CASE("an enumerator without a name cannot be said") {
    EveryType made;
    made.colour = static_cast<Colour>(9);
    CHECK_THROWS_AS(params::to_json(made), Failure);
  }
}
