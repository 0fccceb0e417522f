#include <doctest/doctest.h>

#include <random>
#include <set>

#include "core/schedule/timetable.hpp"
#include "tests/support/zone_file.hpp"

namespace coremachine::schedule {
namespace {

using support::at;

constexpr Milliseconds tick{1};

ScheduleSpec every(Milliseconds interval, Timestamp anchor = {}) {
  ScheduleSpec spec;
  spec.name = "beat";
  spec.job_type = "hello_world";
  spec.timing = Interval{interval, anchor};
  return spec;
}

ScheduleSpec cron(std::string expression, std::string zone = "UTC") {
  ScheduleSpec spec = every(Milliseconds{1000});
  spec.timing = Cron{std::move(expression), std::move(zone)};
  return spec;
}

Timetable table(const ScheduleSpec& spec) {
  return Timetable::make(spec).value();
}

std::vector<std::string> texts(const std::vector<Timestamp>& times) {
  std::vector<std::string> out;
  for (const auto time : times) out.push_back(to_rfc3339(time));
  return out;
}

/// The same as Timetable::due, one firing after the other.
DueTimes walked(const Timetable& times, Timestamp from, Timestamp now, std::size_t keep) {
  DueTimes due;
  due.next = times.next(from - tick);
  for (; due.next && times.due_at(*due.next) <= now; due.next = times.next(*due.next)) {
    ++due.total;
    due.newest.push_back(*due.next);
    if (due.newest.size() > keep) due.newest.erase(due.newest.begin());
  }
  return due;
}

}  // namespace

TEST_SUITE("schedule: timetables") {
  TEST_CASE("an interval keeps its beat, before its anchor and after it") {
    using std::chrono::minutes;
    const auto anchor = at("2024-03-31T00:05:00Z");
    const auto times = table(every(minutes{20}, anchor));
    CHECK(texts(times.upcoming(at("2024-03-31T00:05:00Z"), 3)) ==
          std::vector<std::string>{"2024-03-31T00:25:00.000Z", "2024-03-31T00:45:00.000Z", "2024-03-31T01:05:00.000Z"});
    CHECK(times.next(at("2024-03-31T00:04:59.999Z")) == anchor);
    CHECK(times.next(at("2024-03-30T00:00:00Z")) == at("2024-03-30T00:05:00Z"));
    std::mt19937_64 dice(1);
    for (int i = 0; i < 2000; ++i) {
      const Milliseconds length{1000 + static_cast<std::int64_t>(dice() % 10'000'000'000)};
      const auto start =
          at("2000-01-01T00:00:00Z") + Milliseconds{static_cast<std::int64_t>(dice() % 2'000'000'000'000)};
      const auto after =
          at("1990-01-01T00:00:00Z") + Milliseconds{static_cast<std::int64_t>(dice() % 2'000'000'000'000)};
      const auto next = table(every(length, start)).next(after).value();
      REQUIRE(next > after);
      REQUIRE(next - length <= after);
      REQUIRE((next - start) % length == Milliseconds{0});
    }
    CHECK_FALSE(times.next(Timestamp::max()).has_value());
    CHECK(times.next(Timestamp::min()).has_value());
    CHECK_FALSE(Timetable::make(every(Milliseconds{999})).has_value());
    CHECK_FALSE(Timetable::make(every(Milliseconds{1000}, Timestamp::max())).has_value());
  }

  TEST_CASE("begin and end") {
    auto spec = cron("0 * * * *");
    spec.starts_at = at("2024-01-01T10:00:00Z");
    spec.ends_at = at("2024-01-01T12:00:00Z");
    CHECK(texts(table(spec).upcoming(at("2020-01-01T00:00:00Z"), 5)) ==
          std::vector<std::string>{"2024-01-01T10:00:00.000Z", "2024-01-01T11:00:00.000Z"});
    spec.timing = Interval{std::chrono::hours{1}, {}};
    CHECK(texts(table(spec).upcoming(at("2020-01-01T00:00:00Z"), 5)) ==
          std::vector<std::string>{"2024-01-01T10:00:00.000Z", "2024-01-01T11:00:00.000Z"});
    const auto due = table(spec).due(at("2024-01-01T10:00:00Z"), at("2024-02-01T00:00:00Z"), 9);
    CHECK(due.total == 2);
    CHECK(due.newest.size() == 2);
    CHECK_FALSE(due.next.has_value());
  }

  TEST_CASE("the zone comes from where it is told") {
    const auto moon = [](std::string_view name) -> Result<TimeZone> {
      if (name != "Moon/Copernicus") return Error{ErrorCode::invalid_argument, "no such place"};
      return support::zone_of({{}, {0}, "<+07>-7"});
    };
    const auto noon = Timetable::make(cron("0 12 * * *", "Moon/Copernicus"), moon).value();
    CHECK(noon.next(at("2024-01-01T00:00:00Z")) == at("2024-01-01T05:00:00Z"));
    CHECK(Timetable::make(cron("0 12 * * *", "Moon/Tycho"), moon).error().message == "no such place");
    CHECK(Timetable::make(cron("0 12 * *", "Moon/Copernicus"), moon).has_error());
  }

  TEST_CASE("jitter stays within its bounds and before the next firing, and is the same every time") {
    for (const auto* expression : {"* * * * *", "0 3 * * *"}) {
      CAPTURE(expression);
      auto spec = cron(expression, "Europe/Berlin");
      spec.jitter = std::chrono::minutes{30};
      const auto times = table(spec);
      const auto again = table(spec);
      spec.name = "other";
      const auto others = table(spec);
      std::set<Milliseconds> delays;
      int same = 0;
      for (const auto time : times.upcoming(at("2024-03-30T00:00:00Z"), 200)) {
        const auto due = times.due_at(time);
        REQUIRE(due >= time);
        REQUIRE(due < time + spec.jitter);
        REQUIRE(due < *times.next(time));
        REQUIRE(due == again.due_at(time));
        same += others.due_at(time) == due ? 1 : 0;
        delays.insert(due - time);
      }
      CHECK(delays.size() > 150);
      CHECK(same < 20);
    }
    CHECK(table(cron("* * * * *")).due_at(at("2024-01-01T00:00:00Z")) == at("2024-01-01T00:00:00Z"));
  }

  TEST_CASE("what came due is the same as going through it one by one") {
    std::mt19937_64 dice(2);
    const std::vector<ScheduleSpec> specs{every(std::chrono::seconds{90}, at("2024-03-30T23:59:13.5Z")),
                                          every(std::chrono::hours{5}),
                                          cron("*/5 * * * *", "Europe/Berlin"),
                                          cron("10,20 1-4 * * *", "Europe/Berlin"),
                                          cron("0 0 1 * 1", "America/Santiago"),
                                          cron("* * 31 3 *", "Europe/Berlin")};
    for (int i = 0; i < 3000; ++i) {
      auto spec = specs[dice() % specs.size()];
      if (dice() % 2 == 0) spec.jitter = Milliseconds{static_cast<std::int64_t>(dice() % 600'000)};
      if (dice() % 4 == 0) spec.ends_at = at("2024-04-01T12:00:00Z");
      if (dice() % 4 == 0) spec.starts_at = at("2024-03-31T00:00:00Z");
      const auto times = table(spec);
      const auto from = at("2024-03-30T12:00:00Z") + Milliseconds{static_cast<std::int64_t>(dice() % 90'000'000)};
      const auto now =
          from - tick + Milliseconds{static_cast<std::int64_t>(dice() % (dice() % 2 == 0 ? 200'000 : 150'000'000))};
      const auto keep = dice() % 6;
      const auto due = times.due(from, now, keep);
      const auto expected = walked(times, from, now, keep);
      CAPTURE(i);
      REQUIRE(texts(due.newest) == texts(expected.newest));
      REQUIRE(due.total == expected.total);
      REQUIRE(due.next == expected.next);
    }
  }

  TEST_CASE("after years, the newest are found all the same") {
    const auto from = at("2010-01-01T00:00:00Z");
    const auto now = at("2024-06-30T12:00:00.500Z");
    const std::vector<std::string> newest{"2024-06-30T11:59:59.000Z", "2024-06-30T12:00:00.000Z"};
    const auto by_interval = table(every(Milliseconds{1000})).due(from, now, 2);
    CHECK(texts(by_interval.newest) == newest);
    CHECK(by_interval.total == static_cast<std::uint64_t>((now - from) / std::chrono::seconds{1}) + 1);
    const auto by_cron = table(cron("* * * * * *")).due(from, now, 2);
    CHECK(texts(by_cron.newest) == newest);
    CHECK(by_cron.total == Timetable::most_counted);
    // Nothing for eleven months, then every second of one.
    const auto bursts = table(cron("* * * * 1 *")).due(from, now, 100);
    CHECK(to_rfc3339(bursts.newest.back()) == "2024-01-31T23:59:59.000Z");
    CHECK(to_rfc3339(bursts.newest.front()) == "2024-01-31T23:58:20.000Z");
    CHECK(to_rfc3339(*bursts.next) == "2025-01-01T00:00:00.000Z");
  }
}

}  // namespace coremachine::schedule
