#include "core/model/json_text.hpp"

#include <cmath>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

using namespace coremachine;

namespace {

std::string refusal_of(std::string_view text) {
  const auto parsed = parse_strict(text);
  if (parsed) return "accepted";
  CHECK(parsed.error().code == ErrorCode::invalid_argument);
  return parsed.error().message;
}

std::string brackets(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

}  // namespace

TEST_SUITE("model: strict json") {
  TEST_CASE("what RFC 8259 allows is read") {
    for (const char* text :
         {"{}", "[]", " {\"a\" : [1, 2.5, -0, 1E3, true, false, null, \"\\u00e9\\ud83d\\ude00\"]} \n", "0", "\"\"",
          "9223372036854775807", "-9223372036854775808", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", "[{\"x\":1},{\"x\":1}]",
          "\"\\u0000\"", "{\"\":1}", "1e-400", "-1.5e-7"}) {
      CAPTURE(text);
      const auto parsed = parse_strict(text);
      REQUIRE(parsed.has_value());
      CHECK(*parsed == json::parse(text));
    }
  }

  TEST_CASE("everything else is refused, saying what is wrong and where") {
    struct Row {
      std::string text;
      const char* says;
    };
    const Row rows[] = {
        {"", "empty"},
        {"  \n ", "empty"},
        {"\xEF\xBB\xBF{}", "byte order mark"},
        {"{} x", "line 1, column 4: something follows"},
        {"{}{}", "something follows"},
        {"[1]\n]", "line 2, column 1: something follows"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" comes twice"},
        {"{\"a\":{\"b\":1,\"\\u0062\":2}}", "the key \"b\" comes twice in one object (at #/a/b)"},
        {"\"\xff\"", "line 1, column 2: the text is not valid UTF-8"},
        {"\"\xed\xa0\x80\"", "not valid UTF-8"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"\\ud800x\"", "surrogate"},
        {brackets(33), "deeper than 32"},
        {"1e400", "too large to be finite"},
        {"-1e400", "too large to be finite"},
        {"[1,{\"a\":1e999}]", "too large to be finite (at #/1/a)"},
        {"1e99999999999999999999", "exponent"},
        {"9223372036854775808", "does not fit 64 bits"},
        {"-9223372036854775809", "does not fit 64 bits"},
        {"{\"n\":18446744073709551616}", "does not fit 64 bits with sign (at #/n)"},
        {"99999999999999999999999999999999999999999", "does not fit 64 bits"},
        {"{", "ends inside"},
        {"\"abc", "ends inside"},
        {"[1,2", "ends inside"},
        {"nul", "ends inside"},
        {"{\"a\":}", "line 1, column 6: this is not JSON (at #/a)"},
        {"[1,]", "this is not JSON"},
        {"{a:1}", "this is not JSON"},
        {"{'a':1}", "this is not JSON"},
        {"NaN", "this is not JSON"},
        {"Infinity", "this is not JSON"},
        {"01", "something follows"},
        {"+1", "this is not JSON"},
        {".5", "this is not JSON"},
        {"1.", "this is not JSON"},
        {"[1.]", "this is not JSON"},
        {"// x\n1", "this is not JSON"},
        {"\"\x01\"", "this is not JSON"},
        {"\"\\x41\"", "this is not JSON"},
        {"\"\\u12g4\"", "hexadecimal"},
        {std::string("{}\0", 3), "something follows"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      const auto message = refusal_of(row.text);
      CAPTURE(message);
      CHECK(message.find(row.says) != std::string::npos);
    }
  }

  TEST_CASE("a zero is a zero, however long its exponent") {
    struct Row {
      std::string text;
      double number;
      bool negative = false;
    };
    const Row rows[] = {
        {"0e999999999999", 0},           {"-0.000E+99999999999999999999", 0, true}, {"0e-999999999999", 0},
        {"1e-999999999999", 0},          {"-12.5e-99999999999", 0, true},           {"5e-000000000000000000001", 0.5},
        {"5e000000000000000000001", 50}, {"0e0000000000000000000000000", 0},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      const auto value = parse_strict(row.text);
      REQUIRE(value.has_value());
      REQUIRE(value->is_double());
      CHECK(value->get_double() == row.number);
      CHECK(std::signbit(value->get_double()) == row.negative);
    }
    // Beside it everything is as it was.
    std::vector<ParamFault> beyond;
    const std::string strange = R"({"a\"0e999999999999":["0e999999999999",0e999999999999,18446744073709551616,1]})";
    const auto value = parse_strict(strange, beyond);
    REQUIRE(value.has_value());
    const auto& list = value->as_object().at(R"(a"0e999999999999)").as_array();
    CHECK(list.at(0) == "0e999999999999");
    CHECK(list.at(1) == 0.0);
    CHECK(list.at(3) == 1);
    CHECK(beyond.size() == 1);
    CHECK(refusal_of("[0e999999999999,1e999999999999]").find("the exponent") != std::string::npos);
    CHECK(refusal_of("[0e999999999999,]").find("line 1, column 17: this is not JSON") != std::string::npos);
    CHECK(refusal_of("[0e999999999999,1.e-999999999999]").find("not JSON") != std::string::npos);
    CHECK(refusal_of("[0e999999999999,01e-999999999999]").find("not JSON") != std::string::npos);
    CHECK(refusal_of("[0e999999999999e,1]") != "accepted");
  }

  TEST_CASE("nesting to the limit is read") {
    CHECK(parse_strict(brackets(32)).has_value());
  }

  TEST_CASE("numbers are read to the last bit") {
    std::mt19937_64 random(3);
    for (int i = 0; i < 2000; ++i) {
      const double number = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 1500) - 750);
      if (!std::isfinite(number)) continue;
      std::string text;
      REQUIRE_FALSE(append_json(text, json::value(number)).has_value());
      CAPTURE(text);
      CHECK(parse_strict(text).value().as_double() == number);
    }
    CHECK(parse_strict("1.0").value().is_double());
    CHECK(parse_strict("1").value().is_int64());
  }

  TEST_CASE("cutting a document anywhere is refused") {
    const std::string text = R"({"a":[1,2.5e3,{"b":"x\n\u20ac€"}],"c":true,"d":null})";
    REQUIRE(parse_strict(text).has_value());
    for (std::size_t size = 0; size < text.size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(parse_strict(text.substr(0, size)).has_value());
    }
  }

  TEST_CASE("damaging a document never does worse than a refusal") {
    const std::string text = R"({"a":[1,2.5e3,{"b":"x\n\u20ac€"}],"c":true,"d":null})";
    std::mt19937_64 random(5);
    for (int i = 0; i < 20000; ++i) {
      auto damaged = text;
      for (auto n = 1 + random() % 3; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
      if (const auto parsed = parse_strict(damaged)) {
        std::string back;
        CHECK_FALSE(append_json(back, *parsed).has_value());
        CHECK(parse_strict(back).value() == *parsed);
      } else {
        CHECK_FALSE(parsed.error().message.empty());
      }
    }
  }
}
