// Schedules of a whole machine, by a clock that only moves when told, but for one test.

#include <future>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/support/schedule_machine.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/zone_file.hpp"

namespace {

using namespace coremachine;
using support::at;
using support::ScheduleMachine;

const auto half_past = at("2026-01-01T00:30:00Z");
constexpr auto hour = std::chrono::hours{1};

ScheduleSpec hourly(const std::string& type = "quick") {
  ScheduleSpec spec;
  spec.name = "hourly";
  spec.job_type = type;
  spec.timing = Cron{"@hourly", "UTC"};
  return spec;
}

struct Started : ScheduleMachine {
  explicit Started(const std::string& store = "memory:", Timestamp time = half_past) {
    register_jobs();
    start(store, time);
  }
  CoreMachine* operator->() { return machine.get(); }
};

/// `/cron, /params/size`: where something is wrong, in order.
std::string pointers(const Error& error) {
  CHECK(error.code == ErrorCode::invalid_params);
  std::set<std::string> sorted;
  for (const auto& fault : error.faults) sorted.insert(fault.pointer);
  std::string text;
  for (const auto& pointer : sorted) text += (pointer == *sorted.begin() ? "" : ", ") + pointer;
  return text;
}

Result<ScheduleSpec> read(std::string_view body, std::string_view id = {}) {
  return read_schedule(json::parse(body), id);
}

}  // namespace

TEST_SUITE("runtime: schedules") {
  TEST_CASE("a schedule submits its jobs, and they know which time they are for") {
    Started with;
    auto spec = hourly();
    spec.params = R"({"of":"yesterday"})";
    spec.time_param = "for_time";
    spec.tags = {"night"};
    spec.priority = 7;
    const auto made = with->create_schedule(spec).value();
    CHECK(made.id == "hourly");
    CHECK(made.next_times.size() == 5);
    CHECK(made.next_times.front() == at("2026-01-01T01:00:00Z"));
    with.advance(std::chrono::minutes{30});
    const auto view = with.at_rest("hourly");
    REQUIRE(view.recent.size() == 1);
    const auto job = with->wait(*view.recent[0].job).value();
    CHECK(job.status == JobStatus::completed);
    CHECK(job.params == json::object{{"of", "yesterday"}, {"for_time", "2026-01-01T01:00:00.000Z"}});
    CHECK(job.tags == std::vector<std::string>{"night", "schedule:hourly"});
    CHECK(job.priority == 7);
    CHECK(view.state.fired == 1);
    CHECK(view.next_times.front() == at("2026-01-01T02:00:00Z"));
  }

  TEST_CASE("a job that hangs ends by its timeout, and the schedule goes on") {
    Started with;
    auto spec = hourly("waiting");
    spec.timeout = Milliseconds{1};
    REQUIRE(with->create_schedule(spec).has_value());
    for (int i = 0; i < 2; ++i) {
      const auto run = with->run_schedule("hourly").value();
      CHECK(with->wait(run.job->id).value().error->code == ErrorCode::job_timeout);
      CHECK(with.at_rest("hourly").state.skipped == 0);
    }
  }

  TEST_CASE("by the real clock") {
    ScheduleMachine with;
    with.register_jobs();
    MachineOptions options;
    options.jobs = &with.jobs;
    options.tasks = &with.tasks;
    CoreMachine machine(options);
    auto spec = hourly();
    spec.timing = Interval{std::chrono::seconds{1}, {}};
    REQUIRE(machine.create_schedule(spec).has_value());
    while (machine.schedule("hourly").value().state.fired < 2) std::this_thread::yield();
    CHECK(machine.schedule("hourly").value().trouble.empty());
  }

  TEST_CASE("everything that is wrong is said at once, and where") {
    Started with;
    ScheduleSpec spec = hourly("choosy");
    spec.timing = Cron{"@hourly", "Europe/Berlni"};
    spec.params = R"({"size":"large","extra":1})";
    const auto refused = with->create_schedule(spec).error();
    CHECK(pointers(refused) == "/params/extra, /params/size, /time_zone");
    CHECK(refused.message.find("2 other faults") != std::string::npos);
    for (const auto& fault : refused.faults) {
      if (fault.pointer == "/time_zone") CHECK(fault.detail.find("Europe/Berlin") != std::string::npos);
    }

    spec = hourly("quikc");
    const auto unknown = with->create_schedule(spec).error();
    CHECK(pointers(unknown) == "/job_type");
    CHECK(unknown.message.find("quick") != std::string::npos);
    spec.job_type = "no name";
    spec.timing = Cron{"61 * * * *", "UTC"};
    spec.jitter = Milliseconds{-1};
    CHECK(pointers(with->create_schedule(spec).error()) == "/cron, /jitter, /job_type");

    // The time is a param like the others.
    spec = hourly("choosy");
    spec.params = R"({"size":1})";
    spec.time_param = "night";
    CHECK(pointers(with->create_schedule(spec).error()) == "/params/night");
    spec.time_param = "day";
    CHECK(with->create_schedule(spec).has_value());
    CHECK(with->create_schedule(spec).error().code == ErrorCode::wrong_state);
    CHECK(pointers(with->put_schedule("other", spec).error()) == "/name");
    spec.name.clear();
    CHECK(pointers(with->put_schedule("no name", spec).error()) == "/name");
    CHECK(with->schedules().value().items.size() == 1);
  }

  TEST_CASE("a schedule that is not there, with the nearest that is") {
    Started with;
    REQUIRE(with->create_schedule(hourly()).has_value());
    const auto is_unknown = [](const auto& result) {
      REQUIRE(result.has_error());
      CHECK(result.error().code == ErrorCode::unknown_schedule);
      CHECK(result.error().message.find("hourly") != std::string::npos);
    };
    is_unknown(with->schedule("hourli"));
    is_unknown(with->pause_schedule("hourli"));
    is_unknown(with->resume_schedule("hourli"));
    is_unknown(with->run_schedule("hourli"));
    is_unknown(with->remove_schedule("hourli"));
    CHECK(with->schedules({.cursor = "a b"}).error().code == ErrorCode::invalid_argument);
  }

  TEST_CASE("without a name it gets one that is free") {
    Started with;
    std::set<std::string> names;
    for (int i = 0; i < 20; ++i) {
      auto spec = hourly();
      spec.name.clear();
      const auto view = with->create_schedule(spec).value();
      CHECK(view.id.starts_with("quick-"));
      CHECK(is_valid_name(view.id));
      names.insert(view.id);
    }
    CHECK(names.size() == 20);
  }

  TEST_CASE("paused, resumed, run by hand, replaced, removed while its job runs") {
    Started with;
    REQUIRE(with->create_schedule(hourly("waiting")).has_value());
    CHECK(with->pause_schedule("hourly").value().spec.paused);
    CHECK(with->pause_schedule("hourly").value().next_times.empty());
    with.advance(3 * hour);
    CHECK(with->schedule("hourly").value().state.fired == 0);

    const auto run = with->run_schedule("hourly").value();
    REQUIRE(run.job.has_value());
    CHECK(run.job->type == "waiting");
    CHECK(to_json(run).at("job_id").as_string() == run.job->id.str());
    CHECK(with->run_schedule("hourly").error().code == ErrorCode::wrong_state);
    CHECK_FALSE(with->resume_schedule("hourly").value().spec.paused);
    with.advance(std::chrono::minutes{30});
    auto view = with->schedule("hourly").value();
    CHECK(view.state.skipped == 2);  // one by hand, one by the clock
    CHECK(view.state.missed == 0);
    CHECK(view.state.running == std::vector<JobId>{run.job->id});

    // The job that waits is cancelled by the firing, which then follows.
    auto other = hourly("waiting");
    other.overlap = OverlapPolicy::cancel_running;
    const auto put = with->put_schedule("hourly", other).value();
    CHECK_FALSE(put.created);
    CHECK(put.schedule.state.skipped == 2);
    const auto waiting = with->run_schedule("hourly").value();
    CHECK_FALSE(waiting.job.has_value());
    CHECK(to_json(waiting).at("waiting") == true);
    CHECK(with->wait(run.job->id).value().status == JobStatus::cancelled);
    view = with.when("hourly", [&](const ScheduleView& now) {
      return now.state.running.size() == 1 && now.state.running[0] != run.job->id;
    });

    const auto last = view.state.running[0];
    REQUIRE(with->remove_schedule("hourly").has_value());
    with.advance(3 * hour);
    CHECK(with->schedules().value().items.empty());
    CHECK_FALSE(is_terminal(with->job(last).value().status));
    REQUIRE(with->signal(last, "go").has_value());
    CHECK(with->wait(last).value().status == JobStatus::completed);
  }

  TEST_CASE("what was missed while no machine ran is made up for, as far as it is to be") {
    const support::TemporaryDirectory directory;
    const auto store = "sqlite:" + directory.path() + "/store.db";
    JobId running;
    {
      Started with(store);
      auto spec = hourly();
      spec.catch_up_limit = 2;
      spec.overlap = OverlapPolicy::queue_one;
      REQUIRE(with->create_schedule(spec).has_value());
      spec.name = "waits";
      spec.job_type = "waiting";
      REQUIRE(with->create_schedule(spec).has_value());
      with.advance(std::chrono::minutes{30});
      with.at_rest("hourly");
      running = with.when("waits", [](const auto& view) { return !view.state.running.empty(); }).state.running[0];
    }
    Started with(store, half_past + 5 * hour);
    const auto view = with.at_rest("hourly");
    CHECK(view.state.fired == 3);
    CHECK(view.state.missed == 2);
    CHECK(view.recent[0].firing == Firing{at("2026-01-01T05:00:00Z"), Firing::Kind::made_up});
    CHECK(view.recent[2].firing == Firing{at("2026-01-01T01:00:00Z")});
    // The other one's job still waits for its signal, and what was missed waits for that.
    auto waits = with->schedule("waits").value();
    CHECK(waits.state.running == std::vector<JobId>{running});
    CHECK(waits.state.waiting.size() == 2);
    for (int i = 0; i < 3; ++i) {
      waits = with.when("waits", [](const auto& now) { return !now.state.running.empty(); });
      REQUIRE(with->signal(waits.state.running[0], "go").has_value());
      REQUIRE(with->wait(waits.state.running[0]).has_value());
      with.when("waits", [&](const auto& now) {
        return now.state.running.empty() ? now.state.waiting.empty() : now.state.running != waits.state.running;
      });
    }
    CHECK(with.at_rest("waits").state.fired == 3);
  }

  TEST_CASE("a job type that the next program does not have is shown and logged, and does no harm") {
    const support::TemporaryDirectory directory;
    const auto store = "sqlite:" + directory.path() + "/store.db";
    {
      Started with(store);
      REQUIRE(with->create_schedule(hourly()).has_value());
    }
    ScheduleMachine with;
    with.jobs.add<support::QuickJob>("brisk");
    with.start(store, half_past);
    auto view = with.machine->schedule("hourly").value();
    CHECK(view.trouble.find("quick") != std::string::npos);
    CHECK(to_json(view).at("status").as_string() == "broken");
    CHECK(with.has_logged("the schedule hourly cannot submit its job"));
    with.advance(hour);
    view = with.at_rest("hourly");
    CHECK(view.state.refused == 1);
    CHECK(view.state.last_error == view.trouble);
    CHECK(with.machine->run_schedule("hourly").error().code == ErrorCode::unknown_job_type);
  }

  TEST_CASE("a schedule of a job type that is unique by its params fires, and is the job that was there") {
    ScheduleMachine with;
    JobInfo info;
    info.unique_by_params = true;
    with.jobs.add<support::QuickJob>("once", info);
    with.start("memory:", half_past);
    REQUIRE(with.machine->create_schedule(hourly("once")).has_value());
    for (int i = 0; i < 3; ++i) {
      with.advance(hour);
      with.at_rest("hourly");
    }
    const auto view = with.at_rest("hourly");
    CHECK(view.state.fired == 3);
    CHECK(view.recent[0].job == view.recent[2].job);
  }

  TEST_CASE("hundreds of schedules, made at the same time from several threads") {
    Started with;
    constexpr int threads = 4, each = 100;
    std::vector<std::thread> callers;
    for (int t = 0; t < threads; ++t) {
      callers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i) {
          auto spec = hourly();
          spec.name = "s" + std::to_string(t * each + i);
          CHECK(with->create_schedule(spec).has_value());
        }
      });
    }
    for (auto& caller : callers) caller.join();
    with.advance(hour);
    for (int i = 0; i < threads * each; ++i) CHECK(with.at_rest("s" + std::to_string(i)).state.fired == 1);
    auto page = with->schedules({.limit = 150}).value();
    CHECK(page.items.size() == 150);
    CHECK(page.next_cursor == page.items.back().id);
  }

  TEST_CASE("a machine that has stopped answers so, and its schedules go on with the next one") {
    const support::TemporaryDirectory directory;
    const auto store = "sqlite:" + directory.path() + "/store.db";
    Started with(store);
    REQUIRE(with->create_schedule(hourly()).has_value());
    std::promise<ErrorCode> told;
    with->stop();
    CHECK(with->schedule("hourly").error().code == ErrorCode::draining);
    CHECK(with->create_schedule(hourly()).error().code == ErrorCode::draining);
    with->run_schedule_then("hourly", [&](const Result<ScheduleRun>& run) { told.set_value(run.error().code); });
    CHECK(told.get_future().get() == ErrorCode::draining);
    Started next(store);
    CHECK(next->schedule("hourly").value().spec == hourly());
  }
}

TEST_SUITE("runtime: schedules as JSON") {
  TEST_CASE("the body is a spec; id stands for name, and neither has to be there") {
    const auto spec = read(R"({"id":"a","job_type":"t","every":"15m","params":{"x":1}})").value();
    CHECK(spec.name == "a");
    CHECK(spec.params == R"({"x":1})");
    CHECK(read(R"({"job_type":"t","cron":"@daily"})").value().name.empty());
    CHECK(read(R"({"job_type":"t","cron":"@daily"})", "b").value().name == "b");
    CHECK(read(R"({"name":"c","id":null,"job_type":"t","cron":"@daily"})", "b").value().name == "c");
    CHECK(read(R"({"name":"c","id":"c","job_type":"t","cron":"@daily"})").value().name == "c");
  }

  TEST_CASE("all faults, each with its pointer into the body") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"[]", ""},
        {"{}", ", /job_type"},
        {R"({"id":"a","name":"b","job_type":"t","every":"1h"})", "/id"},
        {R"({"id":5,"job_type":"t","every":"1h"})", "/name"},
        {R"({"job_type":"t","every":"1h","cronn":"x","tags":["",1],"priority":1000})",
         "/cronn, /priority, /tags/0, /tags/1"},
        {R"({"job_type":"t","cron":"x","time_zone":"a b"})", "/cron, /time_zone"},
    };
    for (const auto& [body, expected] : rows) {
      CAPTURE(body);
      CHECK(pointers(read(body).error()) == expected);
    }
  }

  TEST_CASE("what is shown can be sent back") {
    Started with;
    auto spec = hourly();
    spec.params = R"({"a":[1,2.5]})";
    spec.jitter = std::chrono::seconds{5};
    spec.tags = {"x"};
    spec.ends_at = at("2027-01-01T00:00:00Z");
    REQUIRE(with->create_schedule(spec).has_value());
    with.advance(std::chrono::minutes{30} + spec.jitter);
    with.at_rest("hourly");
    with.advance(hour);
    const auto shown = to_json(with.at_rest("hourly"));
    CHECK(shown.at("id").as_string() == "hourly");
    CHECK(shown.at("status").as_string() == "active");
    CHECK(shown.at("next_times").as_array().size() == 5);
    CHECK(shown.at("last_firing").at("job_id").is_string());
    CHECK(shown.at("recent_firings").as_array().size() == 2);
    CHECK(shown.at("fired") == 2);
    CHECK(shown.at("error").is_null());
    CHECK(read_schedule(shown).value() == spec);
    const auto put = with->put_schedule("hourly", read_schedule(shown, "hourly").value()).value();
    CHECK(put.schedule.spec == spec);

    const auto page = to_json(with->schedules().value());
    CHECK_FALSE(page.at("items").at(0).as_object().contains("params"));
    CHECK(page.at("next_cursor").is_null());
    CHECK(to_json(with->schedules().value(), true).at("items").at(0).as_object().contains("params"));
    CHECK(to_json(with->pause_schedule("hourly").value()).at("status").as_string() == "paused");
    spec.ends_at = half_past + std::chrono::seconds{1};
    CHECK(to_json(with->put_schedule("hourly", spec).value().schedule).at("status").as_string() == "finished");
  }
}
