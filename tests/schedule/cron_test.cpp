#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/schedule/cron.hpp"
#include "tests/schedule/cron_oracle.hpp"
#include "tests/support/zone_file.hpp"

namespace coremachine::schedule {
namespace {

using support::at;
using support::shown;

TimeZone zone(std::string_view name) {
  return TimeZone::load(name).value();
}

CronExpression cron(std::string_view text) {
  return CronExpression::parse(text).value();
}

/// What the clocks show at the next firings.
std::vector<std::string> firings(std::string_view text, const TimeZone& place, std::string_view after,
                                 std::size_t count) {
  std::vector<std::string> times;
  const auto expression = cron(text);
  for (auto time = expression.next(at(after), place); time && times.size() < count;
       time = expression.next(*time, place)) {
    times.push_back(shown(*time, place));
  }
  return times;
}

std::string refusal(const std::string& text) {
  const auto parsed = CronExpression::parse(text);
  if (parsed) return "";
  CHECK(parsed.error().code == ErrorCode::invalid_argument);
  const std::string begin = "cron expression \"" + text + "\": ";
  const auto& message = parsed.error().message;
  return message.find(begin) == 0 ? message.substr(begin.size()) : message;
}

struct Row {
  const char* expression;
  const char* zone;
  const char* after;
  std::vector<std::string> expected;  // those next, and if fewer than three are given, no more
};

void check(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    CAPTURE(row.expression);
    CAPTURE(row.zone);
    CHECK(firings(row.expression, zone(row.zone), row.after, row.expected.size()) == row.expected);
  }
}

void compare_with_oracle(const TimeZone& place, const std::vector<Timestamp>& around, std::uint64_t seed, int cases) {
  oracle::RandomCron random(seed);
  int found = 0;
  for (int i = 0; i < cases; ++i) {
    const bool with_seconds = random.one_in(4);
    const auto made = random.expression(with_seconds);
    const auto expression = cron(made.text());
    const auto width = with_seconds ? 3 * 3600U : 6 * 86'400U;
    // Half of them near enough to be asked while the clocks show something for the second time.
    const auto spread = random.one_in(2) ? width : 3 * 3600U;
    const auto after = around[random.number(0, static_cast<unsigned>(around.size()) - 1)] - Seconds{spread / 2} +
                       Milliseconds{random.number(0, spread * 1000)};
    const auto end = after + Seconds{width};
    const auto expected = oracle::next(made, after, end, place, Seconds{with_seconds ? 1 : 60});
    CAPTURE(made.text());
    CAPTURE(to_rfc3339(after));
    const auto next = expression.next(after, place);
    if (expected) {
      ++found;
      REQUIRE(next.has_value());
      REQUIRE(to_rfc3339(*next) == to_rfc3339(*expected));
    } else {
      REQUIRE((!next || *next >= end));
    }
  }
  CHECK(found > cases / 4);
}

std::vector<Timestamp> changes_of(const TimeZone& place, Timestamp from, std::size_t count) {
  std::vector<Timestamp> changes;
  auto time = std::chrono::floor<Seconds>(from);
  while (changes.size() < count) {
    time = place.span_at(time).end;
    changes.push_back(time);
  }
  return changes;
}

}  // namespace

TEST_SUITE("schedule: cron") {
  TEST_CASE("what fits") {
    check({
        {"* * * * *",
         "UTC",
         "2024-02-28T23:58:30.5Z",
         {"2024-02-28T23:59:00+00:00", "2024-02-29T00:00:00+00:00", "2024-02-29T00:01:00+00:00"}},
        {"30 2 * * *", "UTC", "2024-01-01T02:30:00Z", {"2024-01-02T02:30:00+00:00"}},
        {"30 2 * * *", "UTC", "2024-01-01T02:29:59.999Z", {"2024-01-01T02:30:00+00:00"}},
        {"*/20 9-10 * * MON-FRI",
         "UTC",
         "2024-03-01T10:20:00Z",
         {"2024-03-01T10:40:00+00:00", "2024-03-04T09:00:00+00:00"}},
        {"5/25 * * * *",
         "UTC",
         "2024-01-01T00:00:00Z",
         {"2024-01-01T00:05:00+00:00", "2024-01-01T00:30:00+00:00", "2024-01-01T00:55:00+00:00",
          "2024-01-01T01:05:00+00:00"}},
        {"0 0 1,15 jan,Jul ?",
         "UTC",
         "2024-01-10T00:00:00Z",
         {"2024-01-15T00:00:00+00:00", "2024-07-01T00:00:00+00:00", "2024-07-15T00:00:00+00:00",
          "2025-01-01T00:00:00+00:00"}},
        {"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00+00:00"}},
        {"0 12 * * 7", "UTC", "2024-05-30T00:00:00Z", {"2024-06-02T12:00:00+00:00", "2024-06-09T12:00:00+00:00"}},
        {"0 12 * * FRI-SUN",
         "UTC",
         "2024-05-30T00:00:00Z",
         {"2024-05-31T12:00:00+00:00", "2024-06-01T12:00:00+00:00", "2024-06-02T12:00:00+00:00",
          "2024-06-07T12:00:00+00:00"}},
        {"15,45 30 12 1 1 *",
         "UTC",
         "2024-01-01T12:30:15Z",
         {"2024-01-01T12:30:45+00:00", "2025-01-01T12:30:15+00:00"}},
        {"*/20 * * * * *",
         "UTC",
         "2024-01-01T00:00:19.999Z",
         {"2024-01-01T00:00:20+00:00", "2024-01-01T00:00:40+00:00", "2024-01-01T00:01:00+00:00"}},
        {"0 0 L * *", "UTC", "2024-01-31T00:00:00Z", {"2024-02-29T00:00:00+00:00", "2024-03-31T00:00:00+00:00"}},
        {"0 0 L-2 * *", "UTC", "2023-02-01T00:00:00Z", {"2023-02-26T00:00:00+00:00", "2023-03-29T00:00:00+00:00"}},
        {"0 0 15W * *",
         "UTC",
         "2024-05-31T00:00:00Z",
         {"2024-06-14T00:00:00+00:00", "2024-07-15T00:00:00+00:00", "2024-08-15T00:00:00+00:00",
          "2024-09-16T00:00:00+00:00"}},
        {"0 0 1W * *", "UTC", "2024-05-31T00:00:00Z", {"2024-06-03T00:00:00+00:00"}},
        {"0 0 31W * *", "UTC", "2024-03-01T00:00:00Z", {"2024-03-29T00:00:00+00:00", "2024-05-31T00:00:00+00:00"}},
        {"0 0 LW * *", "UTC", "2024-06-01T00:00:00Z", {"2024-06-28T00:00:00+00:00"}},
        {"0 9 * * 5#2", "UTC", "2024-01-12T09:00:00Z", {"2024-02-09T09:00:00+00:00"}},
        {"0 9 * * mon#5", "UTC", "2024-02-01T09:00:00Z", {"2024-04-29T09:00:00+00:00", "2024-07-29T09:00:00+00:00"}},
        {"0 9 * * FRIL", "UTC", "2024-02-01T00:00:00Z", {"2024-02-23T09:00:00+00:00"}},
        {"  0\t0   * * *  ", "UTC", "2024-02-01T00:00:00Z", {"2024-02-02T00:00:00+00:00"}},
    });
  }

  TEST_CASE("two restricted day fields: either; one with a star: both") {
    check({
        {"0 0 13 * FRI",
         "UTC",
         "2024-09-01T00:00:00Z",
         {"2024-09-06T00:00:00+00:00", "2024-09-13T00:00:00+00:00", "2024-09-20T00:00:00+00:00"}},
        {"0 0 13 10 FRI",
         "UTC",
         "2024-10-08T00:00:00Z",
         {"2024-10-11T00:00:00+00:00", "2024-10-13T00:00:00+00:00", "2024-10-18T00:00:00+00:00"}},
        {"0 0 */10 * MON", "UTC", "2024-01-01T00:00:00Z", {"2024-03-11T00:00:00+00:00", "2024-04-01T00:00:00+00:00"}},
        {"0 0 29 2 */6", "UTC", "2020-03-01T00:00:00Z", {"2032-02-29T00:00:00+00:00"}},
        {"0 0 * * ?", "UTC", "2024-01-01T00:00:00Z", {"2024-01-02T00:00:00+00:00"}},
    });
  }

  TEST_CASE("macros stand for what they say") {
    const char* after = "2024-02-28T13:14:15Z";
    const auto first = [&](const char* text) { return firings(text, zone("UTC"), after, 1).at(0); };
    CHECK(first("@hourly") == "2024-02-28T14:00:00+00:00");
    CHECK(first("@daily") == "2024-02-29T00:00:00+00:00");
    CHECK(first("@Midnight") == "2024-02-29T00:00:00+00:00");
    CHECK(first("@weekly") == "2024-03-03T00:00:00+00:00");
    CHECK(first("@monthly") == "2024-03-01T00:00:00+00:00");
    CHECK(first("@yearly") == "2025-01-01T00:00:00+00:00");
    CHECK(first(" @annually ") == "2025-01-01T00:00:00+00:00");
    CHECK(cron(" @daily ").text() == "@daily");
  }

  TEST_CASE("what never fires") {
    for (const auto* text : {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * 30 2 *", "0 0 31W 6 *"}) {
      const auto parsed = cron(text);
      CAPTURE(text);
      CHECK_FALSE(parsed.next(at("2024-01-01T00:00:00Z"), zone("UTC")).has_value());
      CHECK_FALSE(parsed.next(at("2024-01-01T00:00:00Z"), zone("Europe/Berlin")).has_value());
    }
    // The last Sunday of March has no such hour, and this one goes by elapsed time.
    CHECK_FALSE(cron("* 2 * 3 7L").next(at("2024-01-01T00:00:00Z"), zone("Europe/Berlin")).has_value());
    CHECK(firings("0 2 * 3 7L", zone("Europe/Berlin"), "2024-01-01T00:00:00Z", 2) ==
          std::vector<std::string>{"2024-03-31T03:00:00+02:00", "2025-03-30T03:00:00+02:00"});
    const auto daily = cron("@daily");
    CHECK_FALSE(daily.next(at("9999-12-31T00:00:00Z"), zone("UTC")).has_value());
    CHECK_FALSE(daily.next(Timestamp::max(), zone("UTC")).has_value());
    CHECK(daily.next(Timestamp::min(), zone("UTC")).has_value());
  }

  TEST_CASE("what the clocks skip is due once, at the end of the gap; what they show twice, the first time") {
    check({
        {"30 2 * * *",
         "Europe/Berlin",
         "2024-03-29T12:00:00Z",
         {"2024-03-30T02:30:00+01:00", "2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00"}},
        {"0,30 1-3 * * *",
         "Europe/Berlin",
         "2024-03-31T00:15:00Z",
         {"2024-03-31T01:30:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T03:30:00+02:00",
          "2024-04-01T01:00:00+02:00"}},
        {"30 2 * * *",
         "Europe/Berlin",
         "2024-10-26T12:00:00Z",
         {"2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"}},
        // Asked between the two.
        {"30 2 * * *", "Europe/Berlin", "2024-10-27T01:15:00Z", {"2024-10-28T02:30:00+01:00"}},
        {"30 2,3 * * *", "Europe/Berlin", "2024-10-27T01:15:00Z", {"2024-10-27T03:30:00+01:00"}},
        {"30 2 * * *",
         "America/New_York",
         "2024-03-09T12:00:00Z",
         {"2024-03-10T03:00:00-04:00", "2024-03-11T02:30:00-04:00"}},
        {"30 1 * * *",
         "America/New_York",
         "2024-11-02T12:00:00Z",
         {"2024-11-03T01:30:00-04:00", "2024-11-04T01:30:00-05:00"}},
        {"15 2 * * *",
         "Australia/Lord_Howe",
         "2024-10-05T00:00:00Z",
         {"2024-10-06T02:30:00+11:00", "2024-10-07T02:15:00+11:00"}},
        {"45 1 * * *",
         "Australia/Lord_Howe",
         "2024-04-06T00:00:00Z",
         {"2024-04-07T01:45:00+11:00", "2024-04-08T01:45:00+10:30"}},
        // Midnight itself is skipped, and the day still has its firing.
        {"@daily",
         "America/Santiago",
         "2023-09-01T12:00:00Z",
         {"2023-09-02T00:00:00-04:00", "2023-09-03T01:00:00-03:00", "2023-09-04T00:00:00-03:00"}},
        {"30 23 * * *",
         "America/Santiago",
         "2024-04-06T12:00:00Z",
         {"2024-04-06T23:30:00-03:00", "2024-04-07T23:30:00-04:00"}},
        {"0 0 * * FRI",
         "Africa/Cairo",
         "2024-04-20T00:00:00Z",
         {"2024-04-26T01:00:00+03:00", "2024-05-03T00:00:00+03:00"}},
        // A whole day was skipped.
        {"0 6,18 * * *",
         "Pacific/Apia",
         "2011-12-30T00:00:00Z",
         {"2011-12-29T18:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T06:00:00+14:00"}},
        {"0 30 2 * * *",
         "Europe/Berlin",
         "2024-03-30T12:00:00Z",
         {"2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00"}},
    });
  }

  TEST_CASE("an expression with a star for the minute or the hour goes through in real time") {
    check({
        {"*/15 * * * *",
         "Europe/Berlin",
         "2024-03-31T00:30:00Z",
         {"2024-03-31T01:45:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T03:15:00+02:00"}},
        {"*/30 * * * *",
         "Europe/Berlin",
         "2024-10-26T23:30:00Z",
         {"2024-10-27T02:00:00+02:00", "2024-10-27T02:30:00+02:00", "2024-10-27T02:00:00+01:00",
          "2024-10-27T02:30:00+01:00", "2024-10-27T03:00:00+01:00"}},
        {"@hourly",
         "America/New_York",
         "2024-11-03T04:30:00Z",
         {"2024-11-03T01:00:00-04:00", "2024-11-03T01:00:00-05:00", "2024-11-03T02:00:00-05:00"}},
        {"*/30 2 * * *",
         "America/New_York",
         "2024-03-09T12:00:00Z",
         {"2024-03-11T02:00:00-04:00", "2024-03-11T02:30:00-04:00"}},
        {"*/20 * * * *",
         "Australia/Lord_Howe",
         "2024-04-06T14:50:00Z",
         {"2024-04-07T01:40:00+10:30", "2024-04-07T02:00:00+10:30"}},
        {"0 * * * *",
         "Australia/Lord_Howe",
         "2024-10-05T13:00:00Z",
         {"2024-10-06T00:00:00+10:30", "2024-10-06T01:00:00+10:30", "2024-10-06T03:00:00+11:00"}},
        {"0 * * * *",
         "Africa/Cairo",
         "2024-04-25T20:30:00Z",
         {"2024-04-25T23:00:00+02:00", "2024-04-26T01:00:00+03:00"}},
    });
  }

  TEST_CASE("ten firings through every change") {
    struct Change {
      const char* zone;
      const char* after;
    };
    for (const auto& change : std::vector<Change>{{"Europe/Berlin", "2025-03-26T00:00:00Z"},
                                                  {"Europe/Berlin", "2025-10-22T00:00:00Z"},
                                                  {"America/New_York", "2025-03-05T00:00:00Z"},
                                                  {"America/New_York", "2025-10-29T00:00:00Z"},
                                                  {"Australia/Lord_Howe", "2025-04-01T00:00:00Z"},
                                                  {"Australia/Lord_Howe", "2025-10-01T00:00:00Z"},
                                                  {"America/Santiago", "2024-04-03T00:00:00Z"},
                                                  {"America/Santiago", "2024-09-04T00:00:00Z"}}) {
      CAPTURE(change.zone);
      CAPTURE(change.after);
      const auto place = zone(change.zone);
      const auto offset = [&](Timestamp time) { return place.to_local(time).offset; };
      // Once on each of ten days, whatever the time of day.
      for (unsigned half_hour = 0; half_hour < 48; ++half_hour) {
        const auto daily = cron(std::to_string(half_hour % 2 * 30) + " " + std::to_string(half_hour / 2) + " * * *");
        CAPTURE(daily.text());
        auto time = *daily.next(at(change.after), place);
        for (int day = 1; day < 10; ++day) {
          const auto next = *daily.next(time, place);
          const auto date = [&](Timestamp t) { return std::chrono::floor<std::chrono::days>(place.to_local(t).civil); };
          REQUIRE(date(next) - date(time) == std::chrono::days{1});
          REQUIRE(next - time >= std::chrono::hours{22});
          REQUIRE(next - time <= std::chrono::hours{26});
          time = next;
        }
        REQUIRE(offset(time) != offset(at(change.after)));
      }
      // A minute after the other, without a pause.
      const auto minutely = cron("* * * * *");
      auto time = at(change.after);
      for (int i = 0; i < 10 * 24 * 60; ++i) {
        const auto next = *minutely.next(time, place);
        REQUIRE(next - time == std::chrono::minutes{1});
        time = next;
      }
    }
  }

  TEST_CASE("the same as looking at every minute: in UTC") {
    compare_with_oracle(
        zone("UTC"), {at("2024-02-29T00:00:00Z"), at("2023-12-31T23:59:59.999Z"), at("2100-02-28T12:00:00Z")}, 1, 400);
  }
  TEST_CASE("the same as looking at every minute: in Berlin") {
    compare_with_oracle(zone("Europe/Berlin"), changes_of(zone("Europe/Berlin"), at("2020-01-01T00:00:00Z"), 12), 2,
                        1200);
  }
  TEST_CASE("the same as looking at every minute: on Lord Howe Island") {
    compare_with_oracle(zone("Australia/Lord_Howe"),
                        changes_of(zone("Australia/Lord_Howe"), at("2020-01-01T00:00:00Z"), 12), 3, 600);
  }
  TEST_CASE("the same as looking at every minute: in Santiago, far in the future") {
    compare_with_oracle(zone("America/Santiago"), changes_of(zone("America/Santiago"), at("2060-01-01T00:00:00Z"), 12),
                        4, 400);
  }

  TEST_CASE("what is no expression, and what would be one") {
    const std::string due =
        "five fields are due (minute, hour, day of month, month, day of week), or six with seconds first";
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", "it is empty; " + due},
        {"  ", "it is empty; " + due},
        {"5", "it has 1 field; " + due},
        {"* * * *", "it has 4 fields; " + due},
        {"* * * * * * *", "it has 7 fields; " + due},
        {"60 * * * *", "minute: 60 is out of range; 0 to 59 would be right"},
        {"60 * * * * *", "second: 60 is out of range; 0 to 59 would be right"},
        {"* 24 * * *", "hour: 24 is out of range; 0 to 23 would be right"},
        {"* * 0 * *", "day of month: 0 is out of range; 1 to 31, or L for the last would be right"},
        {"* * 32 * *", "day of month: 32 is out of range; 1 to 31, or L for the last would be right"},
        {"* * * 13 *", "month: 13 is out of range; 1 to 12, or JAN to DEC would be right"},
        {"* * * * 8", "day of week: 8 is out of range; 0 to 7, or SUN to SAT would be right"},
        {"18446744073709551617 * * * *", "minute: 18446744073709551617 is out of range; 0 to 59 would be right"},
        {"a * * * *", "minute: \"a\" is no minute; 0 to 59 would be right"},
        {"* * * January *", "month: \"January\" is no month; 1 to 12, or JAN to DEC would be right"},
        {"* * * MON *", "month: \"MON\" is no month; 1 to 12, or JAN to DEC would be right"},
        {"* * * * JAN", "day of week: \"JAN\" is no day of week; 0 to 7, or SUN to SAT would be right"},
        {"1.5 * * * *", "minute: \"1.5\" is no minute; 0 to 59 would be right"},
        {"-1 * * * *", "minute: a value is missing; 0 to 59 would be right"},
        {"1- * * * *", "minute: a value is missing; 0 to 59 would be right"},
        {"1-2-3 * * * *", "minute: \"2-3\" is no minute; 0 to 59 would be right"},
        {"* 22-2 * * *", "hour: 22-2 runs backwards; 22-23,0-2 would be right"},
        {"* * * NOV-FEB *", "month: NOV-FEB runs backwards; 11-12,1-2 would be right"},
        {"* * * * FRI-TUE", "day of week: FRI-TUE runs backwards; 5-6,0-2 would be right"},
        {"1,,2 * * * *", "minute: a value is missing next to a comma; 0 to 59 would be right"},
        {", * * * *", "minute: a value is missing next to a comma; 0 to 59 would be right"},
        {"1, * * * *", "minute: a value is missing next to a comma; 0 to 59 would be right"},
        {"*/0 * * * *", "minute: a step of 0 does not fit; 1 to 59 would be right"},
        {"*/60 * * * *", "minute: a step of 60 does not fit; 1 to 59 would be right"},
        {"* */24 * * *", "hour: a step of 24 does not fit; 1 to 23 would be right"},
        {"*/ * * * *", "minute: \"\" is no step; a number, as in */2, would be right"},
        {"*/-1 * * * *", "minute: \"-1\" is no step; a number, as in */2, would be right"},
        {"/5 * * * *", "minute: a value is missing; 0 to 59 would be right"},
        {"*/2/2 * * * *", "minute: \"2/2\" is no step; a number, as in */2, would be right"},
        {"** * * * *", "minute: \"**\" is no minute; 0 to 59 would be right"},
        {"? * * * *", "minute: ? is for the two day fields; * would be right"},
        {"L * * * *", "minute: \"L\" is no minute; 0 to 59 would be right"},
        {"* * L-31 * *", "day of month: \"L-31\" is no day before the last; L-1 to L-30 would be right"},
        {"* * L- * *", "day of month: \"L-\" is no day before the last; L-1 to L-30 would be right"},
        {"* * W * *", "day of month: \"W\" is no weekday near a day; 15W would be right"},
        {"* * 32W * *", "day of month: 32 is out of range; 1 to 31, or L for the last would be right"},
        {"* * 1-5W * *", "day of month: \"1-5W\" is no weekday near a day; 15W would be right"},
        {"* * 5#2 * *", "day of month: \"5#2\" is no day of month; 1 to 31, or L for the last would be right"},
        {"* * * * 5#6", "day of week: \"5#6\" is no weekday of a month; 5#1 to 5#5 would be right"},
        {"* * * * 5#", "day of week: \"5#\" is no weekday of a month; 5#1 to 5#5 would be right"},
        {"* * * * #1", "day of week: a value is missing; 0 to 7, or SUN to SAT would be right"},
        {"* * * * L",
         "day of week: L says the last of which weekday; 5L for the last Friday, or L as the day of month, would be "
         "right"},
        {"@reboot", "\"@reboot\" is unknown; @hourly, @daily, @weekly, @monthly or @yearly would be right"},
        {"@daily 5", "nothing may follow @daily"},
        {"@every 5m", "@every is not cron; an interval says that, as \"every\": \"5m\""},
        {"TZ=Europe/Berlin 0 2 * * *", "the time zone is not part of it; it is given beside it"},
    };
    for (const auto& [text, message] : rows) CHECK(refusal(text) == message);
    CHECK(CronExpression::parse("\x01\xC3 * * * *").error().message ==
          "cron expression \"?? * * * *\": minute: \"??\" is no minute; 0 to 59 would be right");
    CHECK(refusal(std::string(513, '*')).find("it is longer than 512 bytes") != std::string::npos);
  }

  TEST_CASE("any text is refused or can be asked") {
    oracle::RandomCron random(5);
    const std::string alphabet = "0123456789*/-,#?LWMONJASUE@ \t";
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
      auto text = random.expression(random.one_in(2)).text();
      for (auto changes = random.number(0, 3); changes > 0; --changes) {
        const auto place = random.number(0, static_cast<unsigned>(text.size()) - 1);
        text[place] = alphabet[random.number(0, static_cast<unsigned>(alphabet.size()) - 1)];
      }
      const auto parsed = CronExpression::parse(text);
      if (!parsed) {
        REQUIRE(parsed.error().message.size() > text.size());
        continue;
      }
      ++accepted;
      const auto time = parsed->next(at("2024-01-01T00:00:00Z"), zone("UTC"));
      REQUIRE((!time || *time > at("2024-01-01T00:00:00Z")));
    }
    CHECK(accepted > 5000);
  }
}

}  // namespace coremachine::schedule
