// Tasks that wait for a worker longer than they are to.

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "core/machine/join.hpp"
#include "core/model/json_text.hpp"
#include "core/store/check.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"
#include "tests/support/job_bench.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

Bench opened(std::uint32_t tasks, Join join = JoinBestEffort{}) {
  Bench bench;
  bench.give(JobSubmitted{});
  auto next = stage_of(tasks);
  next.policy.join = join;
  next.specs[0].start_timeout = Milliseconds{1000};
  bench.give(bench.decided(std::move(next)));
  return bench;
}

const TaskCounts& counts(const Bench& bench) {
  return bench.job.round->counts;
}

bool closes(const Bench& bench) {
  return bench.job.boundary && bench.job.boundary->kind == BoundaryKind::close;
}

struct WaitingJob : JobHandler {
  StagePolicy stage_policy(int, const JobContext&) const override {
    return {.join = JoinBestEffort{}, .start_timeout = Milliseconds{5000}};
  }
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    std::vector<TaskDefinition> tasks(3, TaskDefinition{"nowhere"});
    tasks[0].task_type = "here";
    tasks[2].start_timeout = Milliseconds{60'000};
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"failed", results.failures().size()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

}  // namespace

TEST_SUITE("machine: how long a task waits for a worker") {
  TEST_CASE("what has not begun in time has failed; what runs goes on") {
    for (const std::uint32_t tasks : {5U, 3000U}) {
      auto bench = opened(tasks);
      const auto slice = bench.take(2);
      CHECK(start_deadline(bench.job) == start + Milliseconds{1000});
      bench.clock = Milliseconds{999};
      bench.give(StartTimeCame{1});
      CHECK(counts(bench).failed == 0);
      bench.clock = Milliseconds{1000};
      bench.give(StartTimeCame{1});
      CHECK(counts(bench).failed == tasks - 2);
      CHECK(counts(bench).running == 2);
      CHECK(counts(bench).queued == 0);
      CHECK_FALSE(start_deadline(bench.job));
      CHECK_FALSE(has_ready_tasks(bench.job));
      bench.give(TasksReported{Bench::completed(slice)});
      CHECK(closes(bench));
      CHECK(bench.job.round->first_error->message == "start_timeout: no worker began the task within 1000 ms");
    }
  }

  TEST_CASE("a strict join ends with the first") {
    auto bench = opened(3, JoinAll{});
    bench.clock = Milliseconds{1000};
    bench.give(StartTimeCame{1});
    CHECK(bench.job.status == JobStatus::failed);
    CHECK(bench.job.error->task_index == 0);
  }

  TEST_CASE("a retry waits anew from when it is due, and ends without a further attempt") {
    auto bench = opened(1);
    bench.clock = Milliseconds{900};
    bench.give(TasksReported{Bench::failed(bench.take(1))});
    CHECK_FALSE(start_deadline(bench.job));
    bench.clock = Milliseconds{1100};
    bench.give(RetriesCameDue{});
    CHECK(start_deadline(bench.job) == start + Milliseconds{2100});
    bench.clock = Milliseconds{2100};
    bench.give(StartTimeCame{1});
    CHECK(counts(bench).failed == 1);
    CHECK(closes(bench));
  }

  TEST_CASE("the time that a job is paused does not count, and one of an earlier round is none") {
    auto bench = opened(2);
    bench.give(StartTimeCame{7});
    bench.give(PauseRequested{});
    bench.clock = Milliseconds{5000};
    bench.give(StartTimeCame{1});
    CHECK(counts(bench).failed == 0);
    bench.give(ResumeRequested{});
    CHECK(start_deadline(bench.job) == start + Milliseconds{6000});
  }

  TEST_CASE("after a crash what had failed has failed, and a retry of the job runs it") {
    for (const std::size_t kept_inline : {0U, 100U}) {
      Bench bench;
      bench.rules.inline_tasks = static_cast<std::uint32_t>(kept_inline);
      bench.give(JobSubmitted{});
      auto next = stage_of(4);
      next.policy.join = JoinTolerateCount{3};
      next.specs[0].start_timeout = Milliseconds{1000};
      bench.give(bench.decided(std::move(next)));
      bench.take(1);
      bench.clock = Milliseconds{1000};
      bench.give(StartTimeCame{1});
      bench.crash();
      CHECK(counts(bench).failed == 3);
      CHECK(counts(bench).queued == 1);
      const auto again = bench.take();
      CHECK(again.count == 1);
      CHECK(again.offset_at(0) == 0);
    }
  }

  TEST_CASE("the engine looks at the right time, and says how long a task may wait") {
    JobRegistry jobs;
    TaskRegistry tasks;
    jobs.add<WaitingJob>("waiting");
    tasks.add("here", [](const json::object&) -> TaskResult { return {}; });
    tasks.add(
        "nowhere", [](const json::object&) -> TaskResult { return {}; }, TaskInfo{.enabled = false});
    const auto store = make_memory_store();
    testing::LoneShell shell(jobs, tasks, *store, start);
    auto asked = submission();
    asked.type = "waiting";
    const auto job = shell.submit(std::move(asked));
    shell.settle_until([&] {
      const auto* live = shell.engine().find(job);
      return live && live->round && live->round->counts.completed == 1;
    });
    shell.answers.clear();
    shell.explain(job);
    while (shell.answers.empty()) {
      shell.close_batch();
      shell.write_batch();
      shell.acknowledge();
    }
    REQUIRE_FALSE(shell.answers.front().reasons.empty());
    const auto& reason = shell.answers.front().reasons.front();
    CHECK(reason.code == ReasonCode::no_worker);
    CHECK(reason.detail.find("longer than 5000 ms has failed") != std::string::npos);
    shell.advance_to(start + Milliseconds{6000});
    shell.settle();
    REQUIRE(shell.engine().find(job));
    CHECK(shell.engine().find(job)->round->counts.failed == 1);
    shell.advance_to(start + Milliseconds{61'000});
    shell.settle();
    const auto stored = store->read_job(job);
    REQUIRE(stored);
    CHECK(stored->job.status == JobStatus::completed_with_errors);
    REQUIRE(stored->job.result);
    CHECK(*stored->job.result == R"({"failed":2})");
    CHECK(*stored->job.finished_at >= start + Milliseconds{60'000});
    CHECK(check_store(*store, false).problems.empty());
  }
}
