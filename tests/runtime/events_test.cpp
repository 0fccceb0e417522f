// What is told of a job while it runs, and what is read of it afterwards, is one story.

#include <doctest/doctest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <coremachine/coremachine.hpp>

#include "tests/support/sim_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;

/// What a listener was told, from whichever thread.
class Story {
 public:
  std::function<void(const JobEvent&)> listener() {
    return [this](const JobEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    };
  }
  void await_end() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !events_.empty() && is_end(events_.back()); });
  }
  /// All but progress.
  std::vector<JobEvent> events() {
    const std::lock_guard lock(mutex_);
    std::uint64_t last = 0;
    std::vector<JobEvent> kept;
    for (const auto& event : events_) {
      REQUIRE(event.sequence > last);
      last = event.sequence;
      if (event.name != "progress") kept.push_back(event);
    }
    return kept;
  }
  static bool is_end(const JobEvent& event) {
    return event.name.starts_with("job.") && event.name != "job.accepted" && event.name != "job.started";
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<JobEvent> events_;
};

void check_same(const std::vector<JobEvent>& a, const std::vector<JobEvent>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].sequence == b[i].sequence);
    REQUIRE(a[i].name == b[i].name);
    REQUIRE(a[i].job == b[i].job);
    REQUIRE(a[i].data == b[i].data);
  }
}

std::vector<std::string> names(const std::vector<JobEvent>& events) {
  std::vector<std::string> found;
  for (const auto& event : events) found.push_back(event.name);
  return found;
}

std::vector<JobEvent> after(const std::vector<JobEvent>& events, std::uint64_t sequence) {
  std::vector<JobEvent> rest;
  for (const auto& event : events) {
    if (event.sequence > sequence) rest.push_back(event);
  }
  return rest;
}

struct World {
  World() { support::register_sim_jobs(jobs, tasks); }
  MachineOptions options(bool on_disk = false) {
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.workers = 2;
    options.store = on_disk ? "sqlite:" + folder.path() + "/store.db" : "memory:";
    options.log = [](std::string_view) {};
    return options;
  }
  static json::object stages(std::initializer_list<json::object> list) {
    json::array all;
    for (const auto& stage : list) all.emplace_back(stage);
    return {{"stages", std::move(all)}};
  }
  support::TemporaryDirectory folder;
  JobRegistry jobs;
  TaskRegistry tasks;
};

}  // namespace

TEST_SUITE("events") {
  TEST_CASE_FIXTURE(World, "a plain job: from the first to the terminal event, without gaps in their numbers") {
    CoreMachine machine(options());
    const auto id = machine.run("sim", stages({{{"width", 3}}, {{"width", 1}}})).value().id;
    const auto events = machine.events(id).value();
    CHECK(names(events) == std::vector<std::string>{"job.accepted", "job.started", "stage.started", "stage.completed",
                                                    "stage.started", "stage.completed", "job.completed"});
    for (std::size_t i = 0; i < events.size(); ++i) {
      CHECK(events[i].sequence == i + 1);
      CHECK(events[i].data.at("seq") == i + 1);
      CHECK(events[i].data.at("job_id").as_string() == id.str());
      CHECK(events[i].data.contains("at"));
    }
    CHECK(events[2].data.at("tasks").at("total") == 3);
    CHECK(events[3].data.at("tasks").at("completed") == 3);
    CHECK(events[6].data.at("status") == "completed");
    check_same(machine.events(id, 4).value(), after(events, 4));
    CHECK(machine.events(id, 7).value().empty());
  }

  TEST_CASE_FIXTURE(World, "what was told live is what is read afterwards, whatever the job did") {
    for (const bool on_disk : {false, true}) {
      CoreMachine machine(options(on_disk));
      std::mt19937_64 dice(on_disk ? 5 : 6);
      const auto draw = [&](std::uint64_t below) { return dice() % below; };
      for (int i = 0; i < 12; ++i) {
        json::array list;
        for (auto n = 1 + draw(3); n > 0; --n) {
          json::object stage{{"width", draw(8) == 0 ? 1500 + draw(1500) : draw(40)}};
          if (draw(2) == 0) stage["fail"] = 1 + draw(4);
          if (draw(2) == 0) stage["every"] = 1 + draw(7);
          if (draw(4) == 0) stage["lazy"] = true;
          if (draw(2) == 0) stage["join"] = "best_effort";
          list.emplace_back(std::move(stage));
        }
        Story story;
        SubmitOptions with;
        if (draw(2) == 0) with.listener = story.listener();
        const auto id = machine.submit(draw(2) ? "sim" : "sim_fold", {{"stages", list}}, with).value();
        Subscription followed;
        if (!with.listener) followed = machine.follow(id, 0, story.listener()).value();
        story.await_end();
        machine.wait(id).value();
        const auto told = story.events();
        check_same(machine.events(id).value(), told);
        // Whoever lost the stream goes on where it was.
        const auto from = draw(told.back().sequence + 1);
        Story rest;
        const auto again = machine.follow(id, from, rest.listener()).value();
        check_same(rest.events(), after(told, from));
      }
    }
  }

  TEST_CASE_FIXTURE(World, "of many failed tasks some hundreds are told, and all are counted") {
    CoreMachine machine(options(true));
    const json::object stage{{"width", 2500}, {"fail", 3}, {"join", "best_effort"}};
    const auto id = machine.submit("sim", stages({stage})).value();
    Story story;
    const auto followed = machine.follow(id, 0, story.listener()).value();
    story.await_end();
    const auto told = story.events();
    CHECK(std::count_if(told.begin(), told.end(), [](const auto& each) { return each.name == "task.failed"; }) ==
          max_told_failures);
    check_same(machine.events(id).value(), told);
    const auto& failure = told.at(3);
    CHECK(failure.name == "task.failed");
    CHECK(failure.data.at("task_type") == "sim.work");
    CHECK(failure.data.at("attempt") == 3);
    CHECK(failure.data.at("error").at("message") == "fails on purpose");
    const auto& completed = told.at(told.size() - 2);
    CHECK(completed.name == "stage.completed");
    CHECK(completed.data.at("tasks").at("failed") == 2500);
  }

  TEST_CASE_FIXTURE(World, "a retry goes on with the numbers, and what it discards is still told") {
    for (const bool inline_round : {true, false}) {
      CAPTURE(inline_round);
      CoreMachine machine(options());
      const json::object flawed{{"width", inline_round ? 10 : 40}, {"fail", 4}, {"every", 5}, {"join", "best_effort"}};
      const auto id = machine.submit("sim", stages({{{"width", 2}}, flawed, {{"width", 3}}})).value();
      Story first;
      const auto followed = machine.follow(id, 0, first.listener()).value();
      first.await_end();
      const auto before = first.events();
      REQUIRE(machine.wait(id).value().status == JobStatus::completed_with_errors);
      REQUIRE(machine.retry(id).has_value());
      Story second;
      const auto again = machine.follow(id, before.back().sequence, second.listener()).value();
      second.await_end();
      REQUIRE(machine.wait(id).value().status == JobStatus::completed);
      const auto later = second.events();
      CHECK(names(later) == std::vector<std::string>{"job.accepted", "stage.started", "job.started", "stage.completed",
                                                     "stage.started", "stage.completed", "job.completed"});
      CHECK(later.front().sequence > before.back().sequence);
      CHECK(later.front().data.at("attempt") == 2);
      CHECK(later.at(1).data.at("round") == 4);
      CHECK(later.at(1).data.at("tasks").at("completed") == (inline_round ? 8 : 32));
      auto all = before;
      all.insert(all.end(), later.begin(), later.end());
      check_same(machine.events(id).value(), all);
    }
  }

  TEST_CASE_FIXTURE(World, "a restart uses no number again") {
    JobId id;
    std::vector<JobEvent> before;
    {
      CoreMachine machine(options(true));
      SubmitOptions later;
      later.delay = Milliseconds{3'600'000};
      id = machine.submit("sim", stages({{{"width", 2}}}), later).value();
      before = machine.events(id).value();
      CHECK(before.at(0).data.at("status") == "scheduled");
    }
    CoreMachine machine(options(true));
    check_same(machine.events(id).value(), before);
    Story story;
    const auto followed = machine.follow(id, 0, story.listener()).value();
    CHECK(machine.cancel(id).has_value());
    story.await_end();
    const auto told = story.events();
    CHECK(names(told) == std::vector<std::string>{"job.accepted", "job.cancelled"});
    CHECK(told.at(1).data.at("error").at("code") == "cancelled");
    check_same(machine.events(id).value(), told);
  }

  TEST_CASE_FIXTURE(World, "who follows a job that is over is told all of it before the call returns") {
    CoreMachine machine(options());
    const auto id = machine.run("sim", stages({{{"width", 2}}})).value().id;
    Story story;
    const auto followed = machine.follow(id, 0, story.listener()).value();
    check_same(story.events(), machine.events(id).value());
    CHECK(Story::is_end(story.events().back()));
  }
}
