// What the engine hands out next, of many jobs, under limits; and what it says of those that wait.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/model/json_text.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"
#include "jobs/builtin.hpp"
#include "tests/support/empty_job.hpp"
#include "tests/support/sim_jobs.hpp"

namespace {

using namespace coremachine;

struct GateJob : support::EmptyJob {
  StagePolicy stage_policy(int, const JobContext&) const override { return {.gate = Gate{.signal = "go"}}; }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"brought", *results.signal()}};
  }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

struct Fixture {
  Fixture() {
    register_builtin_jobs(jobs, tasks);
    support::register_sim_jobs(jobs, tasks);
    jobs.add<GateJob>("gate");
    store = make_memory_store();
    shell = std::make_unique<testing::LoneShell>(jobs, tasks, *store, Timestamp{Milliseconds{1'767'268'800'000}});
  }
  JobId submit(const std::string& type, const json::object& params, int priority = 0) {
    Submission submission;
    submission.type = type;
    submission.priority = priority;
    std::string text;
    append_json(text, params);
    submission.params = make_text(std::move(text));
    return shell->submit(std::move(submission));
  }
  static json::object wide(int width) { return {{"stages", json::array{json::object{{"width", width}}}}}; }
  void commit() {
    shell->close_batch();
    if (shell->batch) shell->write_batch();
    if (shell->unacknowledged) shell->acknowledge();
  }
  /// Runs the boundaries and commits, until tasks are out.
  void open() {
    while (!shell->boundaries.empty()) {
      shell->run_boundary(0);
      shell->deliver_decision(0);
      commit();
    }
  }
  std::vector<Reason> explain(JobId job) {
    shell->answers.clear();
    const auto request = shell->explain(job);
    commit();
    for (auto& answer : shell->answers) {
      if (answer.request == request) return answer.reasons;
    }
    return {};
  }
  std::map<std::string, std::uint64_t> codes(JobId job) {
    std::map<std::string, std::uint64_t> codes;
    for (const auto& reason : explain(job)) codes[std::string(to_string(reason.code))] += reason.count;
    return codes;
  }
  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<Store> store;
  std::unique_ptr<testing::LoneShell> shell;
};

}  // namespace

TEST_SUITE("machine: what is handed out next") {
  TEST_CASE_FIXTURE(Fixture, "a small job behind a million tasks is among the next that are handed out") {
    const auto large = submit("fan_out", {{"count", 1'000'000}});
    shell->settle_until([&] {
      return shell->engine().find(large)->round && shell->engine().find(large)->round->stage == 2 &&
             shell->slices.size() >= 4;
    });
    const auto small = submit("hello_world", {});
    open();
    std::uint64_t others = 0;
    for (bool found = false; !found;) {
      const auto& next = shell->slices.front();
      found = next.slice.job == small;
      if (!found) others += next.slice.count;
      shell->run_slice(0);
      shell->deliver_report(0);
      REQUIRE(others < 10'000);
    }
    // Four slices were out, and one more of each round of turns may come before.
    CHECK(others <= 6 * chunk_size);
  }

  TEST_CASE_FIXTURE(Fixture, "higher priority goes first, equals take turns") {
    std::map<JobId, std::string> names;
    names[submit("sim", wide(40))] = "a";
    names[submit("sim", wide(40))] = "b";
    names[submit("sim", wide(40), 10)] = "c";
    open();
    std::string order;
    shell->task_ns = 10'000'000;  // one task makes a slice
    while (!shell->slices.empty()) {
      order += names.at(shell->slices.front().slice.job);
      shell->run_slice(0);
      shell->deliver_report(0);
    }
    const auto last_c = order.rfind('c');
    // What was out before c came may run before it; from then on all of c does.
    CHECK(std::count(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(last_c), 'c') == 39);
    CHECK(last_c < 44);
    const auto rest = order.substr(last_c + 1);
    for (std::size_t i = 2; i + 2 < rest.size() - 4; ++i)
      CHECK_FALSE((rest[i] == rest[i - 1] && rest[i] == rest[i - 2]));
  }

  TEST_CASE_FIXTURE(Fixture, "only tasks that are known to be quick wait for a thread") {
    shell->open_slices = 20;
    shell->threads = 2;
    struct Case {
      std::uint64_t task_ns;
      std::size_t out;  ///< slices at once, when it is known how long a task takes
    };
    for (const auto& [task_ns, out] : {Case{400'000'000, 2}, Case{5'000'000, 2}, Case{2'000'000, 20}}) {
      CAPTURE(task_ns);
      shell->task_ns = task_ns;
      const auto job = submit("sim", wide(200));
      open();
      CHECK(shell->engine().find(job)->round->counts.running == shell->slices.size());
      for (int i = 0; i < 50; ++i) {  // from what was known before to what is
        shell->run_slice(0);
        shell->deliver_report(0);
      }
      CHECK(shell->slices.size() == out);
      CHECK(shell->engine().find(job)->round->counts.running == out);
      while (!shell->slices.empty()) {
        shell->run_slice(0);
        shell->deliver_report(0);
      }
      CHECK(shell->engine().find(job)->round->counts.completed == 200);
    }
  }

  TEST_CASE_FIXTURE(Fixture, "no more of a type run than its limit allows, and all run in the end") {
    shell->set_limit("sim.work", {.max_concurrency = 2});
    const auto job = submit("sim", wide(50));
    open();
    while (!shell->slices.empty()) {
      std::uint64_t out = 0;
      for (const auto& slice : shell->slices) out += slice.slice.count;
      REQUIRE(out <= 2);
      shell->run_slice(0);
      shell->deliver_report(0);
    }
    commit();
    CHECK(shell->engine().find(job)->round->counts.completed == 50);
  }

  TEST_CASE_FIXTURE(Fixture, "a rate is kept over time") {
    shell->set_limit("sim.work", {.rate = 10, .burst = 1});
    const auto job = submit("sim", wide(20));
    open();
    int ran = 0;
    const auto start = shell->now();
    while (shell->engine().find(job)->round->counts.completed < 20) {
      while (!shell->slices.empty()) {
        ran += static_cast<int>(shell->slices.front().slice.count);
        shell->run_slice(0);
        shell->deliver_report(0);
      }
      REQUIRE(static_cast<double>(ran) <= 1.0 + static_cast<double>((shell->now() - start).count()) / 100.0);
      if (shell->engine().find(job)->round->counts.completed == 20) break;
      const auto next = shell->engine().next_deadline();
      REQUIRE(next.has_value());
      shell->advance_to(*next);
    }
    CHECK((shell->now() - start).count() >= 1900);
  }

  TEST_CASE_FIXTURE(Fixture, "a limit counts for what was handed out and has not begun, too") {
    const auto job = submit("sim", wide(50));
    open();
    REQUIRE(shell->slices.size() == 4);
    shell->set_limit("sim.work", {.max_concurrency = 1});
    std::uint64_t out = 0;
    for (const auto& slice : shell->slices) out += slice.slice.count;
    CHECK(out == 1);
    CHECK(codes(job)["running"] == 1);
  }

  TEST_CASE_FIXTURE(Fixture, "a limit that is lifted lets those who waited go") {
    shell->set_limit("sim.work", {.paused = true});
    const auto job = submit("sim", wide(5));
    open();
    CHECK(shell->slices.empty());
    CHECK(codes(job) == std::map<std::string, std::uint64_t>{{"paused", 5}});
    shell->set_limit("sim.work", {});
    CHECK_FALSE(shell->slices.empty());
  }
}

TEST_SUITE("machine: why a job is not finished") {
  TEST_CASE_FIXTURE(Fixture, "each thing that a job can wait for is told by its code") {
    const auto job = submit("sim", wide(40));
    CHECK(codes(job) == std::map<std::string, std::uint64_t>{{"running", 1}});  // the handler's functions
    open();
    auto told = codes(job);
    CHECK(told["running"] + told["queued"] == 40);
    CHECK(told["running"] >= 1);
    shell->control(job, machine::Control::pause);
    CHECK(codes(job).contains("paused"));
    shell->control(job, machine::Control::resume);
    shell->set_limit("sim.work", {.max_concurrency = 1});
    CHECK(codes(job).contains("limit"));
    shell->settle();
    CHECK(codes(job).empty());
  }

  TEST_CASE_FIXTURE(Fixture, "a retry is told with its time, and an example") {
    const auto job = submit("sim", {{"stages", json::array{json::object{{"width", 3}, {"fail", 1}}}}});
    open();
    while (!shell->slices.empty()) {
      shell->run_slice(0);
      shell->deliver_report(0);
    }
    const auto reasons = explain(job);
    REQUIRE(reasons.size() == 1);
    CHECK(reasons[0].code == ReasonCode::retrying);
    CHECK(reasons[0].count == 3);
    CHECK(reasons[0].example.has_value());
    CHECK(reasons[0].detail.find("2026-01-01T12:00:00.") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "a gate names its signal, and a scheduled job its time") {
    const auto job = submit("gate", {});
    open();
    const auto reasons = explain(job);
    REQUIRE(reasons.size() == 1);
    CHECK(reasons[0].code == ReasonCode::signal);
    CHECK(reasons[0].detail.find("\"go\"") != std::string::npos);
    shell->signal(job, Signal{"go", make_text("7")});
    shell->settle();
    const auto stored = store->read_job(job);
    CHECK(*stored->job.result == R"({"brought":7})");
  }
}
