#include "core/model/json_text.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

using namespace coremachine;

namespace {

std::string written(const json::value& value) {
  std::string out;
  const auto fault = append_json(out, value);
  REQUIRE_MESSAGE(!fault.has_value(), fault.value_or(""));
  return out;
}

std::string fault_of(const json::value& value) {
  std::string out = "kept";
  const auto fault = append_json(out, value);
  CHECK(out == "kept");
  return fault.value_or("nothing wrong");
}

json::value nested(std::size_t levels) {
  json::value value = 1;
  for (std::size_t i = 0; i < levels; ++i) {
    json::value around = json::object();
    if (i % 2 == 0) {
      around = json::array();
      around.get_array().push_back(std::move(value));
    } else {
      around.get_object().emplace("a", std::move(value));
    }
    value = std::move(around);
  }
  return value;
}

/// A value of any kind, made from the numbers that `random` gives.
json::value any_value(std::mt19937_64& random, int depth) {
  const auto any_string = [&] {
    static const std::string pieces[] = {"a", "\"", "\\", "/", "\n", "\x01", "\x7f", "é", "€", "😀", "~", ""};
    std::string text;
    for (auto n = random() % 6; n > 0; --n) text += pieces[random() % std::size(pieces)];
    return text;
  };
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0: return nullptr;
    case 1: return random() % 2 == 0;
    case 2: return static_cast<std::int64_t>(random()) >> (random() % 64);
    case 3: return random() | (1ULL << 63U);
    case 4: {
      const auto bits = random();
      double number = 0;
      std::memcpy(&number, &bits, sizeof number);
      return std::isfinite(number) ? number : static_cast<double>(bits >> 40U);
    }
    case 5: return json::string(any_string());
    case 6: {
      json::array array;
      for (auto n = random() % 5; n > 0; --n) array.push_back(any_value(random, depth - 1));
      return array;
    }
    default: {
      json::object object;
      for (auto n = random() % 5; n > 0; --n) object.insert_or_assign(any_string(), any_value(random, depth - 1));
      return object;
    }
  }
}

}  // namespace

TEST_SUITE("model: json text") {
  TEST_CASE("values are written compactly and numbers keep their kind") {
    struct Row {
      json::value value;
      const char* text;
    };
    const Row rows[] = {
        {nullptr, "null"},
        {true, "true"},
        {false, "false"},
        {0, "0"},
        {-17, "-17"},
        {std::numeric_limits<std::int64_t>::min(), "-9223372036854775808"},
        {std::numeric_limits<std::uint64_t>::max(), "18446744073709551615"},
        {1.0, "1.0"},
        {-0.0, "-0.0"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e300, "1e+300"},
        {123456789012.0, "123456789012.0"},
        {5e-324, "5e-324"},
        {-std::numeric_limits<double>::max(), "-1.7976931348623157e+308"},
        {json::object(), "{}"},
        {json::array(), "[]"},
        {json::object{{"i", 123456}}, R"({"i":123456})"},
        {json::object{{"a", json::array{1, "x", nullptr}}, {"b", json::object{{"c", 1.5}}}},
         R"({"a":[1,"x",null],"b":{"c":1.5}})"},
    };
    for (const auto& row : rows) CHECK(written(row.value) == row.text);
  }

  TEST_CASE("strings escape what RFC 8259 requires and nothing else") {
    CHECK(written("a\"b\\c/d\b\f\n\r\t\x1f\x7f") == R"("a\"b\\c/d\b\f\n\r\t\u001f)"
                                                    "\x7f\"");
    CHECK(written(json::string_view("\0x", 2)) == R"("\u0000x")");
    CHECK(written("é€😀") == "\"é€😀\"");
    CHECK(written(json::object{{"k\"\n", 1}}) == R"({"k\"\n":1})");
  }

  TEST_CASE("what is written is appended to what is there") {
    std::string out = "[";
    CHECK_FALSE(append_json(out, json::object{{"i", 1}}).has_value());
    out += ",";
    CHECK_FALSE(append_json(out, json::value(2)).has_value());
    CHECK(out == R"([{"i":1},2)");
  }

  TEST_CASE("any value reads back the same, kind and bit") {
    std::mt19937_64 random(7);
    for (int i = 0; i < 3000; ++i) {
      const auto value = any_value(random, 4);
      const auto text = written(value);
      CAPTURE(text);
      const auto back = parse_stored(text);
      CHECK(back == value);
      CHECK(back.kind() == value.kind());
      CHECK(written(back) == text);
    }
  }

  TEST_CASE("what JSON cannot say is named with its place") {
    const auto infinite = std::numeric_limits<double>::infinity();
    CHECK(fault_of(std::nan("")).find("#: the number is NaN") == 0);
    CHECK(fault_of(json::object{{"a", json::array{infinite}}}).find("#/a/0: the number is infinite") == 0);
    CHECK(fault_of(json::array{1, json::object{{"x/y~z", -infinite}}}).find("#/1/x~1y~0z: ") == 0);
    CHECK(fault_of(json::object{{"ok", 1}, {"bad", "\xff"}}) == "#/bad: the string is not valid UTF-8");
    CHECK(fault_of(json::object{{"b\xff", 1}}) == "#/b\xEF\xBF\xBD: the key is not valid UTF-8");
    std::string out;
    CHECK(append_json(out, json::object{{"a", std::nan("")}}).has_value());
  }

  TEST_CASE("each form of invalid UTF-8 is refused") {
    for (const std::string bytes :
         {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\xAF", "\xED\xA0\x80", "\xE2\x82", "\xF0\x80\x80\xAF",
          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "a\xE2\x28\xA1z"}) {
      CHECK(fault_of(json::string(bytes)).find("not valid UTF-8") != std::string::npos);
    }
  }

  TEST_CASE("nesting is bounded, and what is within the bound reads back") {
    CHECK(parse_stored(written(nested(max_written_depth))) == nested(max_written_depth));
    CHECK(fault_of(nested(max_written_depth + 1)).find("nested deeper than 64 levels") != std::string::npos);
    json::array page;
    page.push_back(nested(max_written_depth - 1));
    CHECK(parse_stored("[[" + written(page) + "]]").as_array()[0].as_array()[0] == json::value(page));
  }

  TEST_CASE("text that nobody here has written is damage") {
    for (const char* text : {"", "{", "[1,]", "nul", "{\"a\":1}}"}) {
      CAPTURE(text);
      CHECK_THROWS_AS((void)parse_stored(text), Failure);
    }
  }

  TEST_CASE("the elements of an array are found without reading them") {
    struct Row {
      const char* text;
      std::vector<std::uint32_t> ends;
    };
    const Row rows[] = {
        {"[]", {}},
        {" [ ] ", {}},
        {"[1]", {2}},
        {"[1,2,3]", {2, 4, 6}},
        {"[ 1 , 22\n,\t3 ]", {3, 8, 12}},
        {R"(["]",[","],{"a":"}\\"},"\""])", {4, 10, 22, 27}},
        {"[[[]],{}]", {5, 8}},
        {"[true , null]", {5, 12}},
        {"", {}},
        {"[1,2", {2}},
        {"[1,\"ab", {2}},
        {"[1,{\"a\":[", {2}},
        {"[1,\"a\\", {2}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      CHECK(element_ends(row.text) == row.ends);
    }
  }

  TEST_CASE("the pieces of any array are its elements") {
    std::mt19937_64 random(11);
    for (int i = 0; i < 500; ++i) {
      json::array array;
      for (auto n = random() % 20; n > 0; --n) array.push_back(any_value(random, 3));
      const auto text = written(array);
      CAPTURE(text);
      const auto ends = element_ends(text);
      REQUIRE(ends.size() == array.size());
      std::size_t from = 1;
      for (std::size_t k = 0; k < ends.size(); ++k) {
        CHECK(text.substr(from, ends[k] - from) == written(array[k]));
        from = ends[k] + 1;
      }
    }
  }
}
