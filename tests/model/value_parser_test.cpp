#include "core/model/value_parser.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/system_error.hpp>

#include "core/model/json_text.hpp"

namespace {

using namespace coremachine;

std::string written(const json::value& value) {
  std::string text;
  REQUIRE(!append_json(text, value));
  return text;
}

/// Any finite number, or such as come out of calculations.
double any_number(std::mt19937_64& dice) {
  if (dice() % 2 == 0) return static_cast<double>(1 + dice() % 1000) / static_cast<double>(1 + dice() % 1000);
  for (;;) {
    const auto number = std::bit_cast<double>(dice());
    if (std::isfinite(number)) return number;
  }
}

json::value in_pieces(std::string_view text, std::mt19937_64& dice) {
  ValueParser parser;
  json::error_code error;
  while (!text.empty()) {
    const auto size = std::min<std::size_t>(text.size(), 1 + dice() % 7);
    parser.write(text.substr(0, size), error);
    text.remove_prefix(size);
  }
  auto value = parser.finish(error);
  REQUIRE_FALSE(error);
  return value;
}

}  // namespace

TEST_SUITE("model: values") {
  TEST_CASE("every number comes back to the bit, whole and in pieces") {
    std::mt19937_64 dice(20260101);
    ValueParser many;
    for (int i = 0; i < 20'000; ++i) {
      const auto number = any_number(dice);
      const auto text = written(json::array{number, json::object{{"a", number}, {"i", 7}}, -number});
      CAPTURE(text);
      const auto bits_of = [](const json::value& value) { return std::bit_cast<std::uint64_t>(value.as_double()); };
      const auto check = [&](const json::value& value) {
        const auto& array = value.as_array();
        REQUIRE(bits_of(array.at(0)) == std::bit_cast<std::uint64_t>(number));
        REQUIRE(bits_of(array.at(1).at("a")) == std::bit_cast<std::uint64_t>(number));
        REQUIRE(bits_of(array.at(2)) == std::bit_cast<std::uint64_t>(-number));
        REQUIRE(array.at(1).at("i").as_int64() == 7);
      };
      check(parse_value(text));
      check(parse_stored(text));
      check(in_pieces(text, dice));
      json::monotonic_resource memory;
      check(many.parse(text, &memory));
    }
  }

  TEST_CASE("whatever there is in JSON is read, also where a piece ends in the middle of it") {
    std::mt19937_64 dice(7);
    const std::string text =
        R"( {"text":"a\u00e4\n\"b","empty":{},"none":[],"list":[0,-1,18446744073709551615,-9223372036854775808,true,false,)"
        R"(null,1.5e10,"a long string that needs more than a piece"],"a long key that needs more than a piece":[[[]]]} )";
    const auto value = parse_value(text);
    CHECK(value.at("text").as_string() == "a\xC3\xA4\n\"b");
    CHECK(value.at("list").at(2).as_uint64() == 18446744073709551615U);
    CHECK(value.at("list").at(7).as_double() == 1.5e10);
    for (int i = 0; i < 200; ++i) CHECK(in_pieces(text, dice) == value);
  }

  TEST_CASE("what is not JSON is an error, and the parser goes on with the next") {
    ValueParser parser;
    for (const char* text : {"", "{", "[1,]", "nul", "{\"a\":1}}", "1 2", "1e", "\"\\ud800\""}) {
      CAPTURE(text);
      json::error_code error;
      CHECK(parse_value(text, error).is_null());
      CHECK(error);
      CHECK_THROWS_AS((void)parse_value(text), boost::system::system_error);
      CHECK_THROWS_AS((void)parser.parse(text, {}), boost::system::system_error);
      CHECK(parser.parse("[0.1]", {}).at(0).as_double() == 0.1);
    }
    json::error_code error;
    CHECK(parse_value("[[0]]", error, 2).is_array());
    CHECK_FALSE(error);
    parse_value("[[[0]]]", error, 2);
    CHECK(error == json::error::too_deep);
  }
}
