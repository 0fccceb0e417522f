// A job whose process dies goes on as if it had not: what was decided stays decided.

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/job_bench.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

/// A job of ten tasks under this join, two of which run.
Bench half_way(Join join, bool is_inline, std::optional<Milliseconds> timeout = {}) {
  Bench bench;
  if (!is_inline) bench.rules.inline_tasks = 0;
  bench.job.timeout = timeout;
  bench.give(JobSubmitted{});
  auto stage = stage_of(10);
  stage.policy.join = join;
  bench.give(bench.decided(std::move(stage)));
  return bench;
}

/// Something ends the round while another task still runs.
struct Ending {
  std::string name;
  Join join;
  JobStatus expected;
  ErrorCode code;
  std::function<void(Bench&)> happens;
  std::optional<Milliseconds> timeout = {};
};

void one_fails(Bench& bench, FailedAttempt::Verdict verdict) {
  const auto first = bench.take(1);
  bench.take(1);
  bench.give(TasksReported{Bench::failed(first, verdict)});
}

const std::vector<Ending> endings{
    {"a broken contract", JoinBestEffort{}, JobStatus::dead, ErrorCode::handler_contract,
     [](Bench& bench) { one_fails(bench, FailedAttempt::Verdict::dead); }},
    {"a strict join that is missed", JoinAll{}, JobStatus::failed, ErrorCode::task_failed,
     [](Bench& bench) { one_fails(bench, FailedAttempt::Verdict::permanent); }},
    {"a tolerant join that is missed", JoinTolerateCount{0}, JobStatus::failed, ErrorCode::too_many_failures,
     [](Bench& bench) { one_fails(bench, FailedAttempt::Verdict::permanent); }},
    {"the job's timeout", JoinAll{}, JobStatus::failed, ErrorCode::job_timeout,
     [](Bench& bench) {
       bench.take(1);
       bench.clock = Milliseconds{1000};
       bench.give(JobTimedOut{});
     },
     Milliseconds{1000}},
    {"a cancellation", JoinAll{}, JobStatus::cancelled, ErrorCode::cancelled,
     [](Bench& bench) {
       bench.take(1);
       bench.give(CancelRequested{});
     }},
};

}  // namespace

TEST_SUITE("machine: after a crash") {
  TEST_CASE("what ends a round ends it also if the process dies before the last task has stopped") {
    for (const auto& ending : endings) {
      for (const bool is_inline : {true, false}) {
        CAPTURE(ending.name);
        CAPTURE(is_inline);
        auto bench = half_way(ending.join, is_inline, ending.timeout);
        ending.happens(bench);
        REQUIRE(bench.job.round->phase == RoundPhase::stopping);
        bench.crash();
        CHECK(bench.job.status == ending.expected);
        REQUIRE(bench.job.error);
        CHECK(bench.job.error->code == ending.code);
        const auto& counts = bench.job.round->counts;
        CHECK(counts.completed + counts.failed + counts.dead + counts.cancelled == counts.total);
      }
    }
  }

  TEST_CASE("a join that was met stays met, and what did not run is cancelled") {
    auto bench = half_way(JoinAtLeast{1}, false);
    const auto first = bench.take(1);
    bench.take(1);
    bench.give(TasksReported{Bench::completed(first)});
    REQUIRE(bench.job.round->stop == StopReason::join_met);
    bench.crash();
    REQUIRE(bench.job.boundary);
    CHECK(bench.job.boundary->kind == BoundaryKind::close);
    CHECK(bench.job.round->counts.completed == 1);
    CHECK(bench.job.round->counts.cancelled == 9);
  }

  TEST_CASE("the first cause of a round that goes on is remembered") {
    auto bench = half_way(JoinTolerateCount{1}, false);
    bench.give(TasksReported{Bench::failed(bench.take(1), FailedAttempt::Verdict::permanent)});
    bench.crash();
    bench.give(TasksReported{Bench::failed(bench.take(1), FailedAttempt::Verdict::permanent)});
    REQUIRE(bench.job.status == JobStatus::failed);
    CHECK(bench.job.error->task_index == 0);
  }

  TEST_CASE("a job of which too many servers have died is dead, wherever it was, and only if it ran") {
    const auto to_first_task = [](Bench& bench) {
      bench.give(JobSubmitted{});
      bench.give(bench.decided(stage_of(3), false));
    };
    const std::vector<std::pair<const char*, std::function<void(Bench&)>>> places{
        {"tasks", [](Bench& bench) { bench.take(1); }},
        {"retry", [](Bench& bench) { bench.give(TasksReported{Bench::failed(bench.take(1))}); }},
        {"boundary", [](Bench& bench) { bench.give(TasksReported{Bench::completed(bench.take())}); }}};
    for (const auto& [name, go] : places) {
      CAPTURE(name);
      for (const std::uint32_t deaths : {0U, 4U, 5U, 200U}) {
        CAPTURE(deaths);
        Bench bench;
        to_first_task(bench);
        go(bench);
        bench.crash(deaths);
        if (deaths < bench.rules.poison_deaths) {
          CHECK(bench.job.status == JobStatus::running);
          continue;
        }
        CHECK(bench.job.status == JobStatus::dead);
        REQUIRE(bench.job.error);
        CHECK(bench.job.error->code == ErrorCode::poison);
        CHECK(bench.job.error->message ==
              std::to_string(deaths) + " servers in a row died while they ran the job, and it came no further");
        CHECK(bench.job.round->phase == RoundPhase::closed);
        const auto& counts = bench.job.round->counts;
        CHECK(counts.completed + counts.cancelled == counts.total);
      }
    }
    Bench paused;
    to_first_task(paused);
    paused.give(PauseRequested{});
    paused.crash(200);
    CHECK(paused.job.status == JobStatus::paused);
  }

  TEST_CASE("a paused job that dies is paused, and goes on when it is resumed") {
    auto bench = half_way(JoinAll{}, false);
    bench.give(TasksReported{Bench::completed(bench.take(4))});
    bench.give(PauseRequested{});
    bench.crash();
    CHECK(bench.job.status == JobStatus::paused);
    CHECK_FALSE(has_ready_tasks(bench.job));
    bench.give(ResumeRequested{});
    CHECK(bench.take().count == 6);
  }
}
