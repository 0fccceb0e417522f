#include <coremachine/model/time.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace coremachine;

TEST_SUITE("model: time") {
  TEST_CASE("times are printed in UTC with milliseconds") {
    struct Row {
      Milliseconds::rep ms;
      const char* text;
    };
    const Row rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951'782'399'999, "2000-02-28T23:59:59.999Z"},
        {951'782'400'000, "2000-02-29T00:00:00.000Z"},
        {1'769'860'800'000, "2026-01-31T12:00:00.000Z"},
        {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
    };
    for (const auto& row : rows) CHECK(to_rfc3339(Timestamp{Milliseconds{row.ms}}) == row.text);
  }

  TEST_CASE("durations") {
    struct Row {
      const char* text;
      Milliseconds::rep ms;
    };
    const Row rows[] = {
        {"0s", 0},
        {"1ms", 1},
        {"250ms", 250},
        {"30s", 30'000},
        {"007s", 7000},
        {"1.5h", 5'400'000},
        {"0.25m", 15'000},
        {"2d", 172'800'000},
        {"0.001s", 1},
        {"0.0005s", 0},
        {"0.3333333333333333333333333333333333d", 28'799'999},
        {"1.99999999999999999999999999999999ms", 1},
        {"36525d", 3'155'760'000'000},
        {"876600h", 3'155'760'000'000},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      CHECK(parse_duration(row.text) == Milliseconds{row.ms});
    }
  }

  TEST_CASE("what is no duration is refused") {
    for (const std::string text : {"",
                                   "s",
                                   "10",
                                   "-1s",
                                   "+1s",
                                   "1 s",
                                   " 1s",
                                   "1s ",
                                   "1.s",
                                   ".5s",
                                   "1..5s",
                                   "1.5.5s",
                                   "1e3s",
                                   "1S",
                                   "1sec",
                                   "1w",
                                   "1us",
                                   "0x1s",
                                   "1,5s",
                                   "36525.1d",
                                   "36526d",
                                   "99999999999999999999999999999999ms",
                                   "9223372036854775807d",
                                   "18446744073709551617ms",
                                   "infs",
                                   "nans"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_duration(text).has_value());
    }
  }
}
