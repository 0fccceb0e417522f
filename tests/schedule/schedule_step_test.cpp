#include <doctest/doctest.h>

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "core/schedule/schedule_step.hpp"
#include "tests/support/zone_file.hpp"

namespace coremachine::schedule {
namespace {

using support::at;
using Kind = Firing::Kind;

constexpr std::array policies{OverlapPolicy::skip, OverlapPolicy::queue_one, OverlapPolicy::cancel_running,
                              OverlapPolicy::allow};

/// The time of day of 1 January 2024.
Timestamp clock(const std::string& time) {
  return at("2024-01-01T" + time + (time.size() == 5 ? ":00Z" : "Z"));
}
std::string clock(Timestamp time) {
  return to_rfc3339(time).substr(11, 5);
}

JobId job(std::uint64_t number) {
  return JobId{1, number};
}

std::string word(const Firing& firing) {
  const auto* kind = firing.kind == Kind::on_time ? "" : firing.kind == Kind::made_up ? "made up " : "by hand ";
  return kind + clock(firing.scheduled_for);
}

struct Say {
  std::string operator()(const Save&) const { return "save"; }
  std::string operator()(const Submit& submit) const { return "submit " + word(submit.firing); }
  std::string operator()(const CancelJob& cancel) const { return "cancel " + std::to_string(cancel.id.low); }
  std::string operator()(const SetTimer& timer) const { return "timer " + clock(timer.at); }
};

std::string said(const std::vector<Action>& actions) {
  std::string text;
  for (const auto& action : actions) text += (text.empty() ? "" : ", ") + std::visit(Say{}, action);
  return text;
}

/// An hourly schedule and its state, and what it says to each event.
struct Desk {
  ScheduleSpec spec;
  ScheduleState state = {};

  explicit Desk(OverlapPolicy policy, std::uint32_t catch_up = 1) {
    spec.name = "hourly";
    spec.job_type = "hello_world";
    spec.timing = Cron{"@hourly", "UTC"};
    spec.overlap = policy;
    spec.catch_up_limit = catch_up;
  }

  std::string tell(const Event& event, const std::string& now) { return tell(event, clock(now)); }
  std::string tell(const Event& event, Timestamp now) {
    return said(step(spec, Timetable::make(spec).value(), state, event, now));
  }
  /// The firing of that time became job `number`.
  std::string accept(const std::string& time, std::uint64_t number, Kind kind = Kind::on_time) {
    return tell(JobAccepted{Firing{clock(time), kind}, job(number)}, clock(time));
  }
  /// At half past nine, with job 1 of nine o'clock running.
  void one_runs() {
    CHECK(tell(SpecChanged{}, "08:30") == "save, timer 09:00");
    CHECK(tell(Ticked{}, "09:00") == "save, submit 09:00, timer 10:00");
    CHECK(accept("09:00", 1) == "save");
  }
  std::vector<std::string> waiting() const {
    std::vector<std::string> words;
    for (const auto& firing : state.waiting) words.push_back(word(firing));
    return words;
  }
};

using Words = std::vector<std::string>;

}  // namespace

TEST_SUITE("schedule: step") {
  TEST_CASE("a firing after the other, under any policy") {
    for (const auto policy : policies) {
      CAPTURE(to_string(policy));
      Desk desk(policy);
      CHECK(desk.tell(SpecChanged{}, "08:30") == "save, timer 09:00");
      CHECK(desk.tell(Ticked{}, "08:45") == "timer 09:00");
      CHECK(desk.tell(Ticked{}, "09:00") == "save, submit 09:00, timer 10:00");
      CHECK(desk.tell(Ticked{}, "09:00") == "timer 10:00");
      CHECK(desk.accept("09:00", 1) == "save");
      CHECK(desk.state.running == std::vector{job(1)});
      CHECK(desk.tell(JobEnded{job(1)}, "09:10") == "save");
      CHECK(desk.tell(JobEnded{job(1)}, "09:10") == "");
      CHECK(desk.tell(Ticked{}, "10:00:59.999") == "save, submit 10:00, timer 11:00");
      CHECK(desk.state.last_fired == clock("10:00"));
      CHECK(desk.state.next_at == clock("11:00"));
      CHECK(desk.state.fired == 2);
      CHECK(desk.state.skipped + desk.state.missed + desk.state.refused == 0);
    }
  }

  TEST_CASE("a firing while the last job is not over") {
    struct Row {
      OverlapPolicy policy;
      const char* second;
      const char* third;
      const char* first_ends;
      Words waiting;
      std::uint64_t skipped;
    };
    const std::vector<Row> rows{
        {OverlapPolicy::skip, "save, timer 11:00", "save, timer 12:00", "save", {}, 2},
        {OverlapPolicy::queue_one, "save, timer 11:00", "save, timer 12:00", "save, submit 10:00", {"10:00"}, 1},
        {OverlapPolicy::cancel_running,
         "save, cancel 1, timer 11:00",
         "save, timer 12:00",
         "save, submit 11:00",
         {"11:00"},
         1},
        {OverlapPolicy::allow, "save, submit 10:00, timer 11:00", "save, submit 11:00, timer 12:00", "save", {}, 0},
    };
    for (const auto& row : rows) {
      CAPTURE(to_string(row.policy));
      Desk desk(row.policy);
      desk.one_runs();
      CHECK(desk.tell(Ticked{}, "10:00") == row.second);
      CHECK(desk.tell(Ticked{}, "11:00") == row.third);
      CHECK(desk.waiting() == row.waiting);
      CHECK(desk.state.skipped == row.skipped);
      CHECK(desk.tell(JobEnded{job(1)}, "11:30") == row.first_ends);
      CHECK(desk.state.waiting.empty());
    }
  }

  TEST_CASE("a job whose id is not known yet counts as running, and is cancelled when it is") {
    struct Row {
      OverlapPolicy policy;
      const char* second;
      const char* accepted;
    };
    for (const auto& row : std::vector<Row>{{OverlapPolicy::skip, "save, timer 11:00", "save"},
                                            {OverlapPolicy::queue_one, "save, timer 11:00", "save"},
                                            {OverlapPolicy::cancel_running, "save, timer 11:00", "save, cancel 1"},
                                            {OverlapPolicy::allow, "save, submit 10:00, timer 11:00", "save"}}) {
      CAPTURE(to_string(row.policy));
      Desk desk(row.policy);
      desk.tell(SpecChanged{}, "08:30");
      desk.tell(Ticked{}, "09:00");
      CHECK(desk.tell(Ticked{}, "10:00") == row.second);
      CHECK(desk.accept("09:00", 1) == row.accepted);
      CHECK(desk.accept("09:00", 1) == "");
      CHECK(desk.accept("08:00", 7) == "");
    }
  }

  TEST_CASE("by hand, paused or not") {
    struct Row {
      OverlapPolicy policy;
      const char* while_one_runs;
      const char* it_ends;
    };
    for (const bool paused : {false, true}) {
      CAPTURE(paused);
      for (const auto& row :
           std::vector<Row>{{OverlapPolicy::skip, "save", "save"},
                            {OverlapPolicy::queue_one, "save", "save, submit by hand 09:31"},
                            {OverlapPolicy::cancel_running, "save, cancel 1", "save, submit by hand 09:31"},
                            {OverlapPolicy::allow, "save, submit by hand 09:31", "save"}}) {
        CAPTURE(to_string(row.policy));
        Desk desk(row.policy);
        desk.spec.paused = paused;
        CHECK(desk.tell(SpecChanged{}, "09:00:01") == (paused ? "" : "save, timer 10:00"));
        CHECK(desk.tell(RunNow{}, "09:30") == "save, submit by hand 09:30");
        CHECK(desk.accept("09:30", 1, Kind::by_hand) == "save");
        CHECK(desk.tell(RunNow{}, "09:31") == row.while_one_runs);
        CHECK(desk.tell(JobEnded{job(1)}, "09:32") == row.it_ends);
        CHECK_FALSE(desk.state.last_fired.has_value());
      }
    }
  }

  TEST_CASE("by hand at the very time of a firing is another firing") {
    Desk desk(OverlapPolicy::allow);
    desk.tell(SpecChanged{}, "08:30");
    const auto actions = step(desk.spec, Timetable::make(desk.spec).value(), desk.state, RunNow{}, clock("09:00"));
    const auto more = step(desk.spec, Timetable::make(desk.spec).value(), desk.state, Ticked{}, clock("09:00"));
    CHECK(std::get<Submit>(actions.at(1)).idempotency_key == "schedule:hourly:run:2024-01-01T09:00:00.000Z");
    CHECK(std::get<Submit>(more.at(1)).idempotency_key == "schedule:hourly:2024-01-01T09:00:00.000Z");
    CHECK(desk.accept("09:00", 5) == "save");
    CHECK(desk.state.starting == std::vector{Firing{clock("09:00"), Kind::by_hand}});
  }

  TEST_CASE("paused: what runs goes on, nothing begins, nothing is made up for") {
    for (const auto policy : policies) {
      CAPTURE(to_string(policy));
      Desk desk(policy, 5);
      desk.one_runs();
      desk.tell(Ticked{}, "10:00");
      const auto waited = desk.state.waiting;
      desk.spec.paused = true;
      CHECK(desk.tell(Paused{}, "10:30") == "save");
      CHECK_FALSE(desk.state.next_at.has_value());
      CHECK(desk.tell(Ticked{}, "12:00") == "");
      CHECK(desk.tell(JobEnded{job(1)}, "12:10") == "save");
      CHECK(desk.tell(Recovered{}, "12:20") == (policy == OverlapPolicy::allow ? "submit 10:00" : ""));
      CHECK(desk.state.waiting == waited);
      desk.spec.paused = false;
      CHECK(desk.tell(Resumed{}, "14:30") ==
            (waited.empty() ? "save, timer 15:00" : "save, submit 10:00, timer 15:00"));
      CHECK(desk.state.missed == 0);
    }
  }

  TEST_CASE("a job is not cancelled for a firing that must not begin") {
    Desk desk(OverlapPolicy::cancel_running);
    desk.tell(SpecChanged{}, "08:30");
    desk.tell(Ticked{}, "09:00");
    CHECK(desk.tell(Ticked{}, "10:00") == "save, timer 11:00");
    desk.spec.paused = true;
    desk.tell(Paused{}, "10:01");
    CHECK(desk.accept("09:00", 1) == "save");
    desk.spec.paused = false;
    CHECK(desk.tell(Resumed{}, "10:30") == "save, cancel 1, timer 11:00");
  }

  TEST_CASE("after a downtime the newest are made up for, up to the limit") {
    struct Row {
      OverlapPolicy policy;
      std::uint32_t limit;
      const char* recovered;
      Words waiting;
      std::uint64_t missed;
    };
    // Down from half past nine to half past two: 10, 11, 12, 13 and 14 o'clock.
    const std::vector<Row> rows{
        {OverlapPolicy::skip, 0, "save, timer 15:00", {}, 5},
        {OverlapPolicy::skip, 1, "save, submit made up 14:00, timer 15:00", {}, 4},
        {OverlapPolicy::skip, 3, "save, submit made up 12:00, timer 15:00", {"made up 13:00", "made up 14:00"}, 2},
        {OverlapPolicy::skip,
         100,
         "save, submit made up 10:00, timer 15:00",
         {"made up 11:00", "made up 12:00", "made up 13:00", "made up 14:00"},
         0},
        {OverlapPolicy::queue_one, 0, "save, timer 15:00", {}, 5},
        {OverlapPolicy::queue_one, 2, "save, submit made up 13:00, timer 15:00", {"made up 14:00"}, 3},
        {OverlapPolicy::cancel_running, 0, "save, timer 15:00", {}, 5},
        {OverlapPolicy::cancel_running, 3, "save, submit made up 14:00, timer 15:00", {}, 4},
        {OverlapPolicy::allow, 0, "save, timer 15:00", {}, 5},
        {OverlapPolicy::allow, 2, "save, submit made up 13:00, submit made up 14:00, timer 15:00", {}, 3},
    };
    for (const auto& row : rows) {
      CAPTURE(to_string(row.policy));
      CAPTURE(row.limit);
      Desk desk(row.policy, row.limit);
      desk.one_runs();
      desk.tell(JobEnded{job(1)}, "09:20");
      CHECK(desk.tell(Recovered{}, "14:30") == row.recovered);
      CHECK(desk.waiting() == row.waiting);
      CHECK(desk.state.missed == row.missed);
      // Again, before anything was answered: the same submissions, and no others.
      const auto before = desk.state;
      CHECK("save, " + desk.tell(Recovered{}, "14:30") == row.recovered);
      CHECK(desk.state == before);
    }
  }

  TEST_CASE("what was made up follows one by one; what comes due meanwhile goes by the policy") {
    Desk desk(OverlapPolicy::queue_one, 3);
    desk.tell(SpecChanged{}, "08:30");
    CHECK(desk.tell(Recovered{}, "11:30") == "save, submit made up 09:00, timer 12:00");
    CHECK(desk.accept("09:00", 1) == "save");
    CHECK(desk.tell(Ticked{}, "12:00") == "save, timer 13:00");
    CHECK(desk.tell(Ticked{}, "13:00") == "save, timer 14:00");
    CHECK(desk.waiting() == Words{"made up 10:00", "made up 11:00", "12:00"});
    CHECK(desk.state.skipped == 1);
    CHECK(desk.tell(JobEnded{job(1)}, "13:01") == "save, submit made up 10:00");
    // Refused for good: the next one may follow all the same.
    CHECK(desk.tell(JobRefused{Firing{clock("10:00"), Kind::made_up}, "no such job type"}, "13:02") ==
          "save, submit made up 11:00");
    CHECK(desk.state.refused == 1);
    CHECK(desk.state.last_error == "no such job type");
    desk.accept("11:00", 2);
    CHECK(desk.tell(JobEnded{job(2)}, "13:03") == "save, submit 12:00");
    CHECK(desk.state.fired == 4);
  }

  TEST_CASE("a second downtime: the oldest of what is made up gives way") {
    Desk desk(OverlapPolicy::skip, 2);
    desk.tell(SpecChanged{}, "08:30");
    desk.tell(Recovered{}, "12:30");
    CHECK(desk.waiting() == Words{"made up 12:00"});
    CHECK(desk.state.missed == 2);
    CHECK(desk.tell(Recovered{}, "15:30") == "save, submit made up 11:00, timer 16:00");
    CHECK(desk.waiting() == Words{"made up 14:00", "made up 15:00"});
    CHECK(desk.state.missed == 4);
    CHECK(desk.state.fired == 1);
  }

  TEST_CASE("late, but running all the time: the newest is on time up to a minute") {
    Desk desk(OverlapPolicy::allow, 1);
    desk.tell(SpecChanged{}, "08:30");
    CHECK(desk.tell(Ticked{}, "09:01:00") == "save, submit 09:00, timer 10:00");
    CHECK(desk.tell(Ticked{}, "10:01:00.001") == "save, submit made up 10:00, timer 11:00");
    CHECK(desk.tell(Ticked{}, "14:00:30") == "save, submit made up 13:00, submit 14:00, timer 15:00");
    CHECK(desk.state.missed == 2);
    desk.spec.catch_up_limit = 0;
    CHECK(desk.tell(Ticked{}, "16:00:30") == "save, submit 16:00, timer 17:00");
    CHECK(desk.state.missed == 3);
    desk.spec.overlap = OverlapPolicy::cancel_running;
    desk.spec.catch_up_limit = 5;
    desk.state.starting.clear();
    CHECK(desk.tell(Ticked{}, "19:00:30") == "save, submit 19:00, timer 20:00");
    CHECK(desk.state.missed == 5);
  }

  TEST_CASE("a crash after the state was saved, before the submission: it is submitted again under its key") {
    for (const auto policy : policies) {
      CAPTURE(to_string(policy));
      Desk desk(policy, 0);
      desk.tell(SpecChanged{}, "08:30");
      desk.tell(Ticked{}, "09:00");
      CHECK(desk.tell(Recovered{}, "09:00:02") == "submit 09:00, timer 10:00");
      CHECK(desk.tell(Recovered{}, "09:00:04") == "submit 09:00, timer 10:00");
      CHECK(desk.state.fired == 1);
      CHECK(desk.accept("09:00", 1) == "save");
    }
  }

  TEST_CASE("after a crash a cancel is asked for again") {
    Desk desk(OverlapPolicy::cancel_running);
    desk.one_runs();
    desk.tell(Ticked{}, "10:00");
    CHECK(desk.tell(Recovered{}, "10:30") == "cancel 1, timer 11:00");
    CHECK(desk.tell(JobEnded{job(1)}, "10:31") == "save, submit 10:00");
  }

  TEST_CASE("a changed spec") {
    Desk desk(OverlapPolicy::queue_one);
    desk.one_runs();
    desk.tell(Ticked{}, "10:00");
    desk.spec.timing = Interval{std::chrono::minutes{20}, clock("00:05")};
    CHECK(desk.tell(SpecChanged{}, "10:10") == "save, timer 10:25");
    CHECK(desk.waiting() == Words{"10:00"});
    desk.spec.overlap = OverlapPolicy::cancel_running;
    CHECK(desk.tell(SpecChanged{}, "10:11") == "cancel 1, timer 10:25");
    desk.spec.overlap = OverlapPolicy::allow;
    CHECK(desk.tell(SpecChanged{}, "10:12") == "save, submit 10:00, timer 10:25");
    // What came due in this very moment is not lost by a change of something else.
    desk.spec.priority = 5;
    CHECK(desk.tell(SpecChanged{}, "10:25") == "save, submit 10:25, timer 10:45");
    desk.spec.ends_at = clock("10:45");
    CHECK(desk.tell(SpecChanged{}, "10:30") == "save");
    CHECK_FALSE(desk.state.next_at.has_value());
    desk.spec.timing = Cron{"0 0 30 2 *", "UTC"};
    CHECK(desk.tell(SpecChanged{}, "10:31") == "");
  }

  TEST_CASE("the clock is set back: by a little, nothing fires again; by a lot, it goes on from there") {
    Desk desk(OverlapPolicy::allow);
    desk.one_runs();
    CHECK(desk.tell(Ticked{}, "08:40") == "timer 10:00");
    CHECK(desk.tell(SpecChanged{}, "08:40") == "timer 10:00");
    CHECK(desk.tell(Recovered{}, "08:40") == "timer 10:00");
    const auto next_week = clock("00:00") + std::chrono::days{7};
    CHECK(desk.tell(Ticked{}, next_week).find("submit 00:00, timer 01:00") != std::string::npos);
    CHECK(desk.tell(Ticked{}, "10:10") == "save, timer 11:00");
    CHECK(desk.tell(Ticked{}, "11:00") == "save, submit 11:00, timer 12:00");
    CHECK(desk.state.last_fired == clock("11:00"));
  }

  TEST_CASE("with jitter the timer rings later, the scheduled time stays") {
    Desk desk(OverlapPolicy::allow);
    desk.spec.jitter = std::chrono::minutes{30};
    const auto times = Timetable::make(desk.spec).value();
    const auto due = times.due_at(clock("09:00"));
    REQUIRE(due > clock("09:00"));
    CHECK(desk.tell(SpecChanged{}, "08:30") == "save, timer " + clock(due));
    CHECK(desk.tell(Ticked{}, "09:00") == "timer " + clock(due));
    CHECK(desk.tell(Recovered{}, "09:00") == "timer " + clock(due));
    CHECK(desk.tell(Ticked{}, due) == "save, submit 09:00, timer " + clock(times.due_at(clock("10:00"))));
  }

  TEST_CASE("nothing grows without bounds") {
    for (const auto policy : policies) {
      CAPTURE(to_string(policy));
      Desk desk(policy, max_catch_up);
      desk.spec.timing = Interval{Milliseconds{1000}, {}};
      desk.tell(SpecChanged{}, "00:00");
      auto now = clock("00:00");
      for (int i = 0; i < 1000; ++i) {
        desk.tell(Ticked{}, now += std::chrono::seconds{i % 100 == 0 ? 500 : 1});
        if (i == 500) desk.tell(Recovered{}, now += std::chrono::days{400});
      }
      CHECK(desk.state.starting.size() <= max_starting);
      CHECK(desk.state.waiting.size() <= max_catch_up + 1);
      std::uint64_t number = 0;
      for (int i = 0; i < 1000; ++i) {
        const auto starting = desk.state.starting;
        for (const auto& firing : starting) desk.tell(JobAccepted{firing, job(++number)}, now);
        desk.tell(Ticked{}, now += std::chrono::seconds{1});
      }
      CHECK(desk.state.running.size() <= max_running);
    }
    Desk desk(OverlapPolicy::skip);
    desk.tell(RunNow{}, "09:00");
    std::string why;
    while (why.size() < 5000) why += "\xE2\x80\xA6";
    desk.tell(JobRefused{Firing{clock("09:00"), Kind::by_hand}, why}, "09:01");
    CHECK(desk.state.last_error == why.substr(0, 999));
  }
}

}  // namespace coremachine::schedule
