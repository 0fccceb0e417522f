#include <coremachine/model/error.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace coremachine;

TEST_SUITE("model: error") {
  TEST_CASE("every code has a name of its own that reads back") {
    std::set<std::string_view> names;
    for (auto i = 0; i <= static_cast<int>(ErrorCode::store_missing); ++i) {
      const auto code = static_cast<ErrorCode>(i);
      const auto name = to_string(code);
      CAPTURE(name);
      CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
      CHECK(names.insert(name).second);
      CHECK(error_code_from(name) == code);
    }
    CHECK_FALSE(error_code_from("").has_value());
    CHECK_FALSE(error_code_from("Task_failed").has_value());
    CHECK_FALSE(error_code_from("?").has_value());
  }

  TEST_CASE("the value of a failed result throws the error that it holds") {
    Error error{ErrorCode::wrong_state, "job X is completed"};
    error.stage = 2;
    const Result<int> result = error;
    try {
      (void)result.value();
      FAIL("nothing was thrown");
    } catch (const Failure& failure) {
      CHECK(std::string(failure.what()) == "wrong_state: job X is completed");
      CHECK(failure.error() == error);
    }
  }

  TEST_CASE("an error without a message shows its code alone") {
    CHECK(std::string(Failure(Error{ErrorCode::draining, ""}).what()) == "draining");
  }
}
