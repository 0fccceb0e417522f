#include <map>

#include <doctest/doctest.h>

#include "core/model/json_text.hpp"
#include "tests/support/json_test_suite.hpp"

using namespace coremachine;
using coremachine::testing::json_test_suite;

TEST_SUITE("model: json test suite") {
  TEST_CASE("the suite is whole") {
    std::map<char, int> kinds;
    for (const auto& one : json_test_suite()) ++kinds[one.name[0]];
    CHECK(kinds == std::map<char, int>{{'i', 35}, {'n', 188}, {'t', 22}, {'y', 95}});
  }

  TEST_CASE("every document is accepted or refused as it should be") {
    for (const auto& one : json_test_suite()) {
      CAPTURE(one.name);
      const auto value = parse_strict(one.text);
      CHECK(value.has_value() == one.accepted);
      if (value.has_error()) {
        CHECK(value.error().code == ErrorCode::invalid_argument);
        CHECK_FALSE(value.error().message.empty());
      }
    }
  }

  TEST_CASE("what is accepted is the same when it is written and read again") {
    for (const auto& one : json_test_suite()) {
      if (!one.accepted) continue;
      CAPTURE(one.name);
      const auto value = parse_strict(one.text).value();
      std::string text;
      REQUIRE_FALSE(append_json(text, value).has_value());
      CHECK(parse_strict(text).value() == value);
      std::string again;
      append_json(again, parse_stored(text));
      CHECK(again == text);
    }
  }
}
