// What the scheduler does with clocks that are set, zones and job types that are gone, and schedules by the thousand.

#include <array>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/schedule_world.hpp"
#include "tests/support/zone_file.hpp"

namespace {

using namespace coremachine;
using support::at;
using support::ScheduleWorld;

ScheduleSpec hourly(const std::string& name = "hourly") {
  ScheduleSpec spec;
  spec.name = name;
  spec.job_type = "any";
  spec.timing = Cron{"@hourly", "UTC"};
  return spec;
}

const auto start = at("2026-01-01T00:30:00Z");
constexpr auto hour = std::chrono::hours{1};

/// Goes on for `span`, as the scheduler says when it is to be called.
void go_on(ScheduleWorld& world, Milliseconds span) {
  const auto end = world.time + span;
  world.tick();
  world.settle();
  while (world.time < end) {
    world.tick(std::min(world.wait.value_or(end - world.time), end - world.time));
    world.settle();
    world.end_all();
    world.settle();
  }
}

std::uint64_t fired(ScheduleWorld& world, const std::string& id = "hourly") {
  return world.show(id).value().state.fired;
}

}  // namespace

TEST_SUITE("runtime: scheduler") {
  TEST_CASE("without schedules there is nothing to wait for, and with some a minute at most") {
    ScheduleWorld world(start);
    world.tick();
    CHECK_FALSE(world.wait.has_value());
    REQUIRE(world.create(hourly()).has_value());
    world.tick();
    CHECK(world.wait == std::chrono::minutes{1});
    world.tick(std::chrono::minutes{29} + std::chrono::seconds{50});
    CHECK(world.wait == std::chrono::seconds{10});
    REQUIRE(world.set_paused("hourly", true).has_value());
    world.tick(hour);
    CHECK(world.wait == std::chrono::minutes{1});
    CHECK(world.jobs.empty());
  }

  TEST_CASE("a firing is a job with a key of its own, and the view says what it came to") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    go_on(world, 3 * hour);
    CHECK(world.keys() == std::vector<std::string>{"schedule:hourly:2026-01-01T01:00:00.000Z",
                                                   "schedule:hourly:2026-01-01T02:00:00.000Z",
                                                   "schedule:hourly:2026-01-01T03:00:00.000Z"});
    const auto view = world.show("hourly", 3).value();
    CHECK(view.next_times ==
          std::vector<Timestamp>{at("2026-01-01T04:00:00Z"), at("2026-01-01T05:00:00Z"), at("2026-01-01T06:00:00Z")});
    REQUIRE(view.recent.size() == 3);
    CHECK(view.recent[0].firing.scheduled_for == at("2026-01-01T03:00:00Z"));
    CHECK(view.recent[0].job == world.jobs.at("schedule:hourly:2026-01-01T03:00:00.000Z").id);
    CHECK(view.created_at == start);
    CHECK(view.trouble.empty());
    CHECK(world.show("hourly", 0).value().next_times.empty());
  }

  TEST_CASE("only the last firings are kept in the view") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    go_on(world, 30 * hour);
    const auto view = world.show("hourly").value();
    CHECK(view.state.fired == 30);
    REQUIRE(view.recent.size() == ScheduleView::most_recent);
    CHECK(view.recent.front().firing.scheduled_for > view.recent.back().firing.scheduled_for);
  }

  TEST_CASE("nothing is told before it is on disk") {
    ScheduleWorld world(start);
    int told = 0;
    const auto count = [&](const auto& result) {
      REQUIRE(result.has_value());
      ++told;
    };
    auto times = schedule::Timetable::make(hourly()).value();
    world.scheduler->create({hourly(), std::move(times)}, count);
    world.scheduler->show("hourly", 5, count);
    world.scheduler->list({}, count);
    while (world.handle_one()) {
    }
    CHECK(told == 0);
    world.commit();
    CHECK(told == 3);
    // What is on disk is told at once.
    world.scheduler->show("hourly", 5, count);
    CHECK(told == 4);
    world.scheduler->remove("hourly", count);
    bool gone = false;
    world.scheduler->show("hourly", 5, [&](const Result<ScheduleView>& view) {
      CHECK(view.error().code == ErrorCode::unknown_schedule);
      gone = true;
    });
    CHECK((told == 4 && !gone));
    world.settle();
    CHECK((told == 5 && gone));
  }

  TEST_CASE("a second one of that id is refused, and put takes its place") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    go_on(world, hour);
    CHECK(world.create(hourly()).error().code == ErrorCode::wrong_state);
    auto other = hourly();
    other.timing = Interval{std::chrono::minutes{10}, {}};
    const auto put = world.put(other).value();
    CHECK_FALSE(put.created);
    CHECK(put.schedule.state.fired == 1);
    CHECK(put.schedule.next_times.at(0) == at("2026-01-01T01:40:00Z"));
    CHECK(put.schedule.updated_at > put.schedule.created_at);
    CHECK(world.put(hourly("new")).value().created);
    world.crash();
    CHECK(world.show("hourly").value().spec == other);
  }

  TEST_CASE("a removed schedule fires no more, its jobs go on, and one of the same id begins anew") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    world.tick(hour);
    world.settle();
    REQUIRE(world.jobs.size() == 1);
    REQUIRE(world.remove("hourly").has_value());
    CHECK(world.settings["schedule"].empty());
    CHECK(world.settings["schedule_state"].empty());
    world.tick(hour);
    world.settle();
    CHECK(world.jobs.size() == 1);
    CHECK_FALSE(world.jobs.begin()->second.over);
    CHECK(world.remove("hourly").error().code == ErrorCode::unknown_schedule);
    REQUIRE(world.create(hourly()).has_value());
    world.end_all();  // of the earlier one
    world.settle();
    CHECK(fired(world) == 0);
  }

  TEST_CASE("a clock that is set back a little fires nothing twice, one that is set back far is believed") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    go_on(world, 3 * hour);
    world.time -= 2 * hour;
    go_on(world, 2 * hour);
    CHECK(world.jobs.size() == 3);
    go_on(world, hour);
    CHECK(world.jobs.size() == 4);

    // The clock was wrong by years when this one was made.
    world.time = at("2031-01-01T00:30:00Z");
    world.tick();
    world.settle();
    REQUIRE(world.create(hourly("late")).has_value());
    world.time = at("2026-06-01T00:30:00Z");
    go_on(world, 3 * hour);
    CHECK(fired(world, "late") == 3);
  }

  TEST_CASE("a clock that jumps ahead is downtime") {
    ScheduleWorld world(start);
    auto spec = hourly();
    spec.catch_up_limit = 2;
    spec.overlap = OverlapPolicy::allow;
    REQUIRE(world.create(spec).has_value());
    world.tick(10 * hour + std::chrono::minutes{5});
    world.settle();
    const auto state = world.show("hourly").value().state;
    CHECK(state.fired == 2);
    CHECK(state.missed == 8);
  }

  TEST_CASE("by hand: now, or after the job that runs, or not at all, as the policy says") {
    for (const auto policy :
         {OverlapPolicy::skip, OverlapPolicy::queue_one, OverlapPolicy::cancel_running, OverlapPolicy::allow}) {
      CAPTURE(to_string(policy));
      ScheduleWorld world(start);
      auto spec = hourly();
      spec.overlap = policy;
      spec.paused = true;
      REQUIRE(world.create(spec).has_value());
      const auto first = world.run("hourly").value();
      REQUIRE(first.job.has_value());
      CHECK(first.job->id == world.jobs.begin()->second.id);
      const auto second = world.run("hourly");
      switch (policy) {
        case OverlapPolicy::skip:
          CHECK(second.error().code == ErrorCode::wrong_state);
          CHECK(second.error().message.find(first.job->id.str()) != std::string::npos);
          break;
        case OverlapPolicy::queue_one:
          CHECK_FALSE(second.value().job.has_value());
          CHECK(world.run("hourly").error().code == ErrorCode::wrong_state);
          break;
        case OverlapPolicy::cancel_running: CHECK_FALSE(second.value().job.has_value()); break;
        case OverlapPolicy::allow: CHECK(second.value().job->id != first.job->id); break;
      }
      for (int i = 0; i < 3; ++i) {
        world.end_all();
        world.settle();
      }
      CHECK(world.jobs.size() == (policy == OverlapPolicy::skip ? 1 : 2));
    }
  }

  TEST_CASE("whoever asked for a firing learns why there is no job") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    for (const auto code : {ErrorCode::overloaded, ErrorCode::unknown_job_type}) {
      world.refusal = Error{code, "no"};
      CHECK(world.run("hourly").error() == *world.refusal);
      CHECK(world.show("hourly").value().state.starting.empty());
    }
    CHECK(world.show("hourly").value().state.refused == 2);
    CHECK(world.run("other").error().code == ErrorCode::unknown_schedule);

    bool answered = false;
    world.scheduler->run("hourly", [&](const Result<ScheduleRun>& run) {
      CHECK(run.error().code == ErrorCode::draining);
      answered = true;
    });
    CHECK_FALSE(answered);
    world.scheduler->close(Error{ErrorCode::draining, "stopping"});
    CHECK(answered);
  }

  TEST_CASE("what is refused for now is tried again, later and later, and is the same firing") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    world.refusal = Error{ErrorCode::store_full, "full"};
    world.tick(std::chrono::minutes{30});
    world.settle();
    std::vector<Milliseconds> pauses;
    for (int i = 0; i < 8; ++i) {
      world.tick();
      pauses.push_back(*world.wait);
      world.tick(*world.wait);
      world.settle();
    }
    CHECK(pauses.front() == std::chrono::seconds{1});
    CHECK(pauses.back() == std::chrono::seconds{30});
    CHECK(std::is_sorted(pauses.begin(), pauses.end()));
    world.refusal.reset();
    go_on(world, std::chrono::minutes{1});
    CHECK(world.keys() == std::vector<std::string>{"schedule:hourly:2026-01-01T01:00:00.000Z"});
    CHECK(world.show("hourly").value().state.refused == 0);
  }

  TEST_CASE("a job type that is gone is shown, logged once, and counted") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    world.trouble = world.refusal = Error{ErrorCode::unknown_job_type, "there is no job type any"};
    go_on(world, 5 * hour);
    const auto view = world.show("hourly").value();
    CHECK(view.trouble == "there is no job type any");
    CHECK(view.state.refused == 5);
    CHECK(view.state.last_error == view.trouble);
    CHECK(view.recent.front().error == view.trouble);
    CHECK(to_json(view).at("status") == "broken");
    CHECK(world.logged.size() == 1);
    world.crash();
    world.settle();
    CHECK(world.logged.size() == 2);
    world.trouble.reset();
    world.refusal.reset();
    go_on(world, hour);
    CHECK(world.jobs.size() == 1);
    CHECK(world.show("hourly").value().trouble.empty());
  }

  TEST_CASE("a time zone that is gone stops the schedule, and nothing is forgotten until it is there again") {
    ScheduleWorld world(start);
    auto spec = hourly();
    spec.timing = Cron{"@hourly", "Europe/Berlin"};
    spec.overlap = OverlapPolicy::queue_one;
    REQUIRE(world.create(spec).has_value());
    world.tick(hour);
    world.settle();
    REQUIRE(world.jobs.size() == 1);
    world.zones = [](std::string_view) -> Result<schedule::TimeZone> {
      return Error{ErrorCode::invalid_argument, "no zones today"};
    };
    world.crash();
    CHECK(world.logged.size() == 1);
    go_on(world, 4 * hour);
    CHECK(world.jobs.size() == 1);
    auto view = world.show("hourly").value();
    CHECK(view.trouble == "no zones today");
    CHECK(view.state.running.empty());
    CHECK(view.next_times.empty());
    CHECK(world.set_paused("hourly", false).error().faults.at(0).pointer == "/time_zone");
    REQUIRE(world.run("hourly").value().job.has_value());
    world.end_all();
    world.settle();

    world.zones = schedule::TimeZone::load;
    world.crash();
    world.settle();
    view = world.show("hourly").value();
    CHECK(view.trouble.empty());
    CHECK(view.state.missed == 3);
    CHECK(view.state.fired == 3);  // on time, by hand, made up
  }

  TEST_CASE("a schedule that cannot be read is reported, harms no other, and can be replaced or removed") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly("sound")).has_value());
    for (const auto* name : {"odd", "torn"}) {
      world.settings["schedule"][name] = make_text(R"({"spec":{"name":"odd","job_type":"any","sometimes":true}})");
    }
    world.settings["schedule"]["torn"] = make_text(R"({"spec":)");
    world.settings["schedule"]["another"] = world.settings["schedule"]["sound"];
    world.crash();
    CHECK(world.logged.size() == 3);
    for (const auto* name : {"odd", "torn", "another"}) {
      CAPTURE(name);
      CHECK(world.show(name).error().code == ErrorCode::store_damaged);
      CHECK(world.create(hourly(name)).error().code == ErrorCode::wrong_state);
    }
    REQUIRE(world.put(hourly("odd")).has_value());
    REQUIRE(world.remove("torn").has_value());
    CHECK(world.show("torn").error().code == ErrorCode::unknown_schedule);
    go_on(world, hour);
    CHECK(fired(world, "sound") == 1);
    CHECK(fired(world, "odd") == 1);
  }

  TEST_CASE("lists go by id, a page at a time, and by what is asked for") {
    ScheduleWorld world(start);
    for (int i = 0; i < 25; ++i) {
      auto spec = hourly("s" + std::to_string(10 + i));
      spec.job_type = i % 2 ? "odd" : "even";
      spec.paused = i % 5 == 0;
      if (i % 3 == 0) spec.tags = {"three", "x"};
      REQUIRE(world.create(spec).has_value());
    }
    const auto list = [&](ScheduleQuery query) {
      std::vector<std::string> ids;
      do {
        const auto page = world.ask<SchedulePage>([&](auto& of, auto then) { of.list(query, then); }).value();
        REQUIRE(page.items.size() <= query.limit);
        for (const auto& view : page.items) ids.push_back(view.id);
        query.cursor = page.next_cursor.value_or("");
      } while (!query.cursor.empty());
      return ids;
    };
    const auto all = list({});
    CHECK(all.size() == 25);
    CHECK(std::is_sorted(all.begin(), all.end()));
    for (std::size_t limit = 1; limit <= 26; ++limit) CHECK(list({.limit = limit}) == all);
    CHECK(list({.job_type = "odd", .limit = 4}).size() == 12);
    CHECK(list({.tags = {"x", "three"}, .limit = 2}).size() == 9);
    CHECK(list({.paused = true}).size() == 5);
    CHECK(list({.job_type = "none"}).empty());
    const auto bad = world.ask<SchedulePage>([&](auto& of, auto then) { of.list({.cursor = "no name"}, then); });
    CHECK(bad.error().code == ErrorCode::invalid_argument);
  }

  TEST_CASE("thousands of schedules: each fires at its times, and a look that finds nothing due does nothing") {
    constexpr int count = 3000;
    ScheduleWorld world(start);
    for (int i = 0; i < count; ++i) {
      auto spec = hourly("s" + std::to_string(i));
      spec.timing = Cron{std::to_string(i % 60) + " * * * *", "UTC"};
      auto times = schedule::Timetable::make(spec).value();
      world.scheduler->create({spec, std::move(times)}, [](const auto&) {});
    }
    world.settle();
    world.tick();
    world.settle();
    world.tick(std::chrono::seconds{20});
    CHECK(world.inbox.empty());
    go_on(world, hour);
    CHECK(world.jobs.size() == count);
    world.crash();
    CHECK(world.inbox.empty());
    go_on(world, hour);
    CHECK(world.jobs.size() == 2 * count);
  }

  TEST_CASE("firings that were refused are not counted as running, and the next one is free to begin") {
    ScheduleWorld world(start);
    REQUIRE(world.create(hourly()).has_value());
    world.refusal = Error{ErrorCode::invalid_params, "the params do not fit"};
    go_on(world, hour);
    world.refusal.reset();
    go_on(world, hour);
    const auto state = world.show("hourly").value().state;
    CHECK(state.fired == 2);
    CHECK(state.refused == 1);
    CHECK(state.skipped == 0);
    CHECK(world.jobs.size() == 1);
  }
}
