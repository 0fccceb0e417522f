#include <doctest/doctest.h>

#include <random>

#include <boost/json/serialize.hpp>

#include "core/model/json_text.hpp"
#include "core/schedule/schedule_codec.hpp"
#include "core/schedule/timetable.hpp"
#include "tests/support/zone_file.hpp"

namespace coremachine::schedule {
namespace {

using support::at;

/// `#/cron: it is no string`, a line for each.
std::string lines(const std::vector<Fault>& faults) {
  std::string text;
  for (const auto& fault : faults) text += fault.pointer + ": " + fault.detail + "\n";
  return text;
}
std::string spec_complaints(const std::string& text) {
  const auto reading = read_spec(parse_strict(text).value());
  CHECK(reading.value.has_value() == reading.faults.empty());
  return lines(reading.faults);
}
std::string state_complaints(const std::string& text) {
  const auto reading = read_state(parse_strict(text).value());
  CHECK(reading.value.has_value() == reading.faults.empty());
  return lines(reading.faults);
}

/// A sound spec with one more member, or another value of one.
std::string with(const std::string& member) {
  return R"({"name": "n", "job_type": "t", "every": "1h", )" + member + "}";
}
std::string cron_with(const std::string& member) {
  return R"({"name": "n", "job_type": "t", )" + member + "}";
}

class RandomSchedules {
 public:
  ScheduleSpec spec() {
    ScheduleSpec made;
    made.name = pick({"nightly", "a.b-c_d", "X"});
    made.job_type = pick({"hello_world", "reports.daily"});
    made.params = pick({"{}", R"({"a":1.0,"b":[null,"ä\"",-0.1,9223372036854775807]})", R"({"c":{"d":{}}})"});
    made.time_param = pick({"", "for_time", "\xC3\xA4"});
    for (auto n = number(3); n > 0; --n) made.tags.push_back(pick({"x", "\xC3\xA4", "two words", "\"quoted\""}));
    made.priority = static_cast<int>(number(201)) - 100;
    if (number(2) == 0) made.timeout = Milliseconds{1 + number(10'000'000)};
    if (number(2) == 0) {
      made.timing = Cron{pick({"@daily", "*/5 * * * MON-FRI", "0 0 2 L * ?"}), pick({"UTC", "Europe/Berlin"})};
    } else {
      made.timing = Interval{Milliseconds{1000 + number(10'000'000)}, time()};
    }
    made.overlap = static_cast<OverlapPolicy>(number(4));
    made.catch_up_limit = static_cast<std::uint32_t>(number(max_catch_up + 1));
    made.jitter = Milliseconds{number(2) == 0 ? 0 : number(100'000)};
    made.paused = number(2) == 0;
    if (number(2) == 0) made.starts_at = time();
    if (number(2) == 0) made.ends_at = made.starts_at.value_or(time()) + Milliseconds{1 + number(1'000'000)};
    return made;
  }
  ScheduleState state() {
    ScheduleState made;
    if (number(2) == 0) made.last_fired = time();
    if (number(2) == 0) made.next_at = time();
    made.starting = firings();
    made.waiting = firings();
    for (auto n = number(4); n > 0; --n) made.running.push_back(JobId{dice_(), dice_()});
    made.fired = dice_() / 2;
    made.skipped = dice_() % 2 == 0 ? 0 : dice_() / 2;
    made.missed = dice_() % 1000;
    made.refused = dice_() % 3;
    made.last_error = pick({"", "unknown job type \"x\"", "\xE2\x80\xA6"});
    return made;
  }

 private:
  std::int64_t number(std::int64_t below) {
    return static_cast<std::int64_t>(dice_() % static_cast<std::uint64_t>(below));
  }
  std::string pick(const std::vector<std::string>& texts) { return texts[dice_() % texts.size()]; }
  Timestamp time() { return Timestamp{Milliseconds{number(4'000'000'000'000)}}; }
  std::vector<Firing> firings() {
    std::vector<Firing> made;
    for (auto n = number(4); n > 0; --n) made.push_back({time(), static_cast<Firing::Kind>(number(3))});
    return made;
  }
  std::mt19937_64 dice_{9};
};

}  // namespace

TEST_SUITE("schedule: codec") {
  TEST_CASE("specs and states come back from their text as they were") {
    RandomSchedules random;
    for (int i = 0; i < 3000; ++i) {
      const auto spec = random.spec();
      std::string text;
      REQUIRE_FALSE(append_json(text, to_json(spec)).has_value());
      CAPTURE(text);
      const auto read = read_spec(parse_stored(text));
      REQUIRE(lines(read.faults) == "");
      REQUIRE(*read.value == spec);
      REQUIRE(Timetable::make(spec).has_value());

      const auto state = random.state();
      text.clear();
      REQUIRE_FALSE(append_json(text, to_json(state)).has_value());
      const auto read_back = read_state(parse_stored(text));
      REQUIRE(lines(read_back.faults) == "");
      REQUIRE(*read_back.value == state);
    }
  }

  TEST_CASE("a number without sign is a number") {
    auto document = parse_strict(with("\"tags\": []")).value();
    document.as_object()["catch_up_limit"] = std::uint64_t{7};
    CHECK(read_spec(document).value.value().catch_up_limit == 7);
    document.as_object()["catch_up_limit"] = UINT64_MAX;
    CHECK(lines(read_spec(document).faults) == "#/catch_up_limit: it is not from 0 to 100\n");
  }

  TEST_CASE("what is not said is as usual") {
    const auto spec =
        read_spec(parse_strict(R"({"name":"n","job_type":"t","cron":"@daily","tags":null})").value()).value;
    ScheduleSpec usual;
    usual.name = "n";
    usual.job_type = "t";
    usual.timing = Cron{"@daily", "UTC"};
    CHECK(spec == usual);
    CHECK(read_state(parse_strict("{}").value()).value == ScheduleState{});
    const auto beat =
        read_spec(
            parse_strict(R"({"name":"n","job_type":"t","every":"1.5h","anchor":"2024-01-01T02:00:00+02:00"})").value())
            .value.value();
    CHECK(std::get<Interval>(beat.timing) == Interval{std::chrono::minutes{90}, at("2024-01-01T00:00:00Z")});
  }

  TEST_CASE("everything that is wrong with a spec, and where") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"[]", "#: it is no object\n#: cron or every is missing\n"},
        {"{}", "#/name: it is missing\n#/job_type: it is missing\n#: cron or every is missing\n"},
        {R"({"name": 1, "job_type": {}, "every": 5})",
         "#/name: it is no string\n#/job_type: it is no string\n#/every: it is no string\n"},
        {R"({"name": "a b", "job_type": "", "every": "1h"})",
         "#/name: it is no name; a name is " + std::string(name_rule) + "\n#/job_type: it is no name; a name is " +
             std::string(name_rule) + "\n"},
        {with(R"("every2": 1)"),
         "#/every2: it does not belong here; what may is name, job_type, params, time_param, tags, priority, timeout, "
         "cron, every, time_zone, anchor, overlap, catch_up_limit, jitter, paused, starts_at, ends_at\n"},
        {with(R"("cron": "@daily")"), "#: it has both cron and every, and one of them is due\n"},
        {with(R"("time_zone": "UTC")"), "#/time_zone: an interval has no time zone; it belongs to cron\n"},
        {cron_with(R"("cron": "@daily", "anchor": "2024-01-01T00:00:00Z")"),
         "#/anchor: cron has no anchor; it belongs to every\n"},
        {cron_with(R"("cron": "0 25 * * *")"),
         "#/cron: cron expression \"0 25 * * *\": hour: 25 is out of range; 0 to 23 would be right\n"},
        {cron_with(R"("cron": "@daily", "time_zone": "../etc")"),
         "#/time_zone: it is no name of a time zone; Europe/Berlin or UTC would be one\n"},
        {cron_with(R"("every": "999ms")"), "#/every: it is shorter than a second\n"},
        {cron_with(R"("every": "5 minutes")"),
         "#/every: it is no duration of at most 100 years; 90s, 15m or 1.5h would be one\n"},
        {with(R"("params": [])"), "#/params: it is no object\n"},
        {with(R"("params": {"day": 1}, "time_param": "day")"),
         "#/time_param: there is such a param in params, and it cannot be both\n"},
        {with(R"("time_param": 1)"), "#/time_param: it is no string\n"},
        {with(R"("tags": "x")"), "#/tags: it is no array\n"},
        {with(R"("tags": ["x", 1, ""])"),
         "#/tags/1: it is no string\n#/tags/1: it is empty, longer than 256 bytes, or no UTF-8\n"
         "#/tags/2: it is empty, longer than 256 bytes, or no UTF-8\n"},
        {with(R"("priority": 101)"), "#/priority: it is not from -100 to 100\n"},
        {with(R"("timeout": "0s")"), "#/timeout: it is not longer than 0s, or longer than 100 years\n"},
        {with(R"("timeout": 30)"), "#/timeout: it is no string\n"},
        {with(R"("priority": 1.0)"), "#/priority: it is no integer\n"},
        {with(R"("overlap": "both")"), "#/overlap: it is none of skip, queue_one, cancel_running and allow\n"},
        {with(R"("catch_up_limit": 101)"), "#/catch_up_limit: it is not from 0 to 100\n"},
        {with(R"("catch_up_limit": -1)"), "#/catch_up_limit: it is not from 0 to 100\n"},
        {with(R"("jitter": "25h")"), "#/jitter: it is not from 0s to 1d\n"},
        {with(R"("paused": "no")"), "#/paused: it is neither true nor false\n"},
        {with(R"("starts_at": "tomorrow")"), "#/starts_at: it is no time; 2026-01-31T12:00:00Z would be one\n"},
        {with(R"("starts_at": "2024-01-01T00:00:00Z", "ends_at": "2024-01-01T00:00:00Z")"),
         "#/ends_at: it is not after starts_at\n"},
    };
    for (const auto& [text, complaints] : rows) {
      CAPTURE(text);
      CHECK(spec_complaints(text) == complaints);
    }
    CHECK(spec_complaints(with(R"("a/b~c": 1)")).find("#/a~1b~0c: it does not belong here") == 0);
  }

  TEST_CASE("everything that is wrong with a state, and where") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"1", "#: it is no object\n"},
        {R"({"next_at": 5, "fired": -1, "missed": "0"})",
         "#/next_at: it is no string\n#/fired: it is not from 0 to 9223372036854775807\n#/missed: it is no integer\n"},
        {R"({"running": ["x", 5]})",
         "#/running/1: it is no string\n#/running/0: it is no id of a job\n#/running/1: it is no id of a job\n"},
        {R"({"waiting": [{"scheduled_for": "2024-01-01T00:00:00Z"}, {"kind": "late", "x": 1}, 7]})",
         "#/waiting/1/scheduled_for: it is missing\n#/waiting/1/kind: it is none of on_time, made_up and by_hand\n"
         "#/waiting/1/x: it does not belong here; what may is scheduled_for, kind\n#/waiting/2: it is no object\n"},
        {R"({"starting": {}})", "#/starting: it is no array\n"},
    };
    for (const auto& [text, complaints] : rows) {
      CAPTURE(text);
      CHECK(state_complaints(text) == complaints);
    }
    CHECK(state_complaints(R"({"next": null})").find("#/next: it does not belong here") == 0);
  }

  TEST_CASE("a spec that was not read is judged the same") {
    ScheduleSpec spec;
    spec.name = "n";
    spec.job_type = "t";
    spec.params = "[]";
    spec.priority = 200;
    spec.timing = Interval{std::chrono::hours{24 * 36'526}, Timestamp::max()};
    spec.catch_up_limit = 101;
    spec.jitter = Milliseconds{-1};
    spec.starts_at = Timestamp::min();
    spec.tags.assign(65, "x");
    CHECK(lines(spec_faults(spec)) ==
          "#/params: they are not the text of a JSON object\n#/priority: it is not from -100 to 100\n"
          "#/tags: there are more than 64\n#/every: it is longer than 100 years\n"
          "#/anchor: it is not in the years 1 to 9999\n#/catch_up_limit: it is more than 100\n"
          "#/jitter: it is not from 0s to 1d\n#/starts_at: it is not in the years 1 to 9999\n");
  }

  TEST_CASE("times") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"2024-02-29T12:34:56Z", "2024-02-29T12:34:56.000Z"},
        {"2024-02-29t12:34:56.7z", "2024-02-29T12:34:56.700Z"},
        {"2024-02-29T12:34:56.123456789Z", "2024-02-29T12:34:56.123Z"},
        {"2024-03-01T00:30:00+02:00", "2024-02-29T22:30:00.000Z"},
        {"2024-02-29T22:30:00-05:45", "2024-03-01T04:15:00.000Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
    };
    for (const auto& [text, time] : rows) CHECK(to_rfc3339(parse_rfc3339(text).value()) == time);
    for (const std::string text : {"",
                                   "2024-02-29",
                                   "2024-02-29T12:34:56",
                                   "2023-02-29T12:34:56Z",
                                   "2024-13-01T00:00:00Z",
                                   "2024-00-01T00:00:00Z",
                                   "2024-01-00T00:00:00Z",
                                   "2024-01-01T24:00:00Z",
                                   "2024-01-01T00:60:00Z",
                                   "2024-01-01T00:00:60Z",
                                   "2024-01-01T00:00:00.Z",
                                   "2024-01-01 00:00:00Z",
                                   "2024-1-1T00:00:00Z",
                                   "2024-01-01T00:00:00+2:00",
                                   "2024-01-01T00:00:00+24:00",
                                   "2024-01-01T00:00:00ZZ",
                                   "2024-01-01T00:00Z",
                                   "+2024-01-01T00:00:00Z",
                                   " 2024-01-01T00:00:00Z",
                                   "1700000000"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_rfc3339(text).has_value());
    }
  }

  TEST_CASE("durations are written as they are read") {
    CHECK(duration_text(Milliseconds{0}) == "0s");
    CHECK(duration_text(Milliseconds{1500}) == "1500ms");
    CHECK(duration_text(Milliseconds{90'000}) == "90s");
    CHECK(duration_text(Milliseconds{5'400'000}) == "90m");
    CHECK(duration_text(Milliseconds{7'200'000}) == "2h");
    CHECK(duration_text(Milliseconds{86'400'000}) == "1d");
    std::mt19937_64 dice(4);
    for (int i = 0; i < 1000; ++i) {
      const Milliseconds duration{static_cast<std::int64_t>(dice() % 3'155'760'000'000)};
      REQUIRE(parse_duration(duration_text(duration)) == duration);
    }
  }

  TEST_CASE("policies have their names") {
    for (const auto policy :
         {OverlapPolicy::skip, OverlapPolicy::queue_one, OverlapPolicy::cancel_running, OverlapPolicy::allow}) {
      CHECK(overlap_policy_from(to_string(policy)) == policy);
    }
    CHECK(to_string(OverlapPolicy::queue_one) == "queue_one");
    CHECK_FALSE(overlap_policy_from("queue").has_value());
  }
}

}  // namespace coremachine::schedule
