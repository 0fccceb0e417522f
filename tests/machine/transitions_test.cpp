// Every status × every event: what the job machine does is total, legal, and leaves a job that is over alone.

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/machine/step.hpp"
#include "tests/support/job_bench.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::machine;

using namespace coremachine::support;

// ---- a job in each status, as it gets there ----

Bench queued() {
  Bench bench;
  bench.give(JobSubmitted{});
  return bench;
}
Bench scheduled() {
  Bench bench;
  bench.job.run_at = start + Milliseconds{5000};
  bench.give(JobSubmitted{});
  return bench;
}
Bench running(std::uint32_t tasks = 3) {
  auto bench = queued();
  bench.give(bench.decided(stage_of(tasks)));
  return bench;
}
Bench paused() {
  auto bench = running();
  bench.give(PauseRequested{});
  return bench;
}
Bench cancelling() {
  auto bench = running();
  bench.take(1);
  bench.give(CancelRequested{});
  return bench;
}
Bench completed() {
  auto bench = running();
  bench.give(TasksReported{Bench::completed(bench.take())});
  bench.give(bench.decided(Finished{make_text("{}")}));
  return bench;
}
Bench completed_with_errors() {
  auto bench = queued();
  auto stage = stage_of(3);
  stage.policy.join = JoinBestEffort{};
  bench.give(bench.decided(std::move(stage)));
  bench.give(TasksReported{Bench::failed(bench.take(1), FailedAttempt::Verdict::permanent)});
  bench.give(TasksReported{Bench::completed(bench.take())});
  bench.give(bench.decided(Finished{make_text("{}")}));
  return bench;
}
Bench failed() {
  auto bench = running();
  bench.give(TasksReported{Bench::failed(bench.take(), FailedAttempt::Verdict::permanent)});
  return bench;
}
Bench dead() {
  auto bench = running();
  bench.give(TasksReported{Bench::failed(bench.take(), FailedAttempt::Verdict::dead)});
  return bench;
}
Bench cancelled() {
  auto bench = queued();
  bench.give(CancelRequested{});
  return bench;
}

struct Maker {
  JobStatus status;
  std::function<Bench()> make;
};
const std::vector<Maker> makers{{JobStatus::scheduled, [] { return scheduled(); }},
                                {JobStatus::queued, [] { return queued(); }},
                                {JobStatus::running, [] { return running(); }},
                                {JobStatus::paused, [] { return paused(); }},
                                {JobStatus::cancelling, [] { return cancelling(); }},
                                {JobStatus::completed, [] { return completed(); }},
                                {JobStatus::completed_with_errors, [] { return completed_with_errors(); }},
                                {JobStatus::failed, [] { return failed(); }},
                                {JobStatus::dead, [] { return dead(); }},
                                {JobStatus::cancelled, [] { return cancelled(); }}};

/// One of each event, plausible for the job in front of it. Visiting the variant keeps the list complete.
std::vector<std::pair<std::string, std::function<Event(const Bench&)>>> all_events() {
  std::vector<std::pair<std::string, std::function<Event(const Bench&)>>> events{
      {"JobSubmitted", {}},
      {"JobCameDue", [](const Bench&) { return JobCameDue{}; }},
      {"JobRecovered", [](const Bench&) { return JobRecovered{}; }},
      {"BoundaryDecided", [](const Bench& bench) { return bench.decided(stage_of(2, 2)); }},
      {"BoundaryTimedOut",
       [](const Bench& bench) { return BoundaryTimedOut{bench.job.boundary ? bench.job.boundary->number : 9}; }},
      {"BoundaryLost", [](const Bench&) { return BoundaryLost{}; }},
      {"TasksReported",
       [](const Bench&) {
         Slice slice;
         slice.round = 1;
         slice.count = 1;
         slice.incarnation = 1;
         return TasksReported{Bench::completed(slice)};
       }},
      {"TaskLost",
       [](const Bench&) {
         return TaskLost{1, 0, true};
       }},
      {"RetriesCameDue", [](const Bench&) { return RetriesCameDue{}; }},
      {"CancelRequested", [](const Bench&) { return CancelRequested{}; }},
      {"PauseRequested", [](const Bench&) { return PauseRequested{}; }},
      {"ResumeRequested", [](const Bench&) { return ResumeRequested{}; }},
      {"RedriveRequested", [](const Bench&) { return RedriveRequested{}; }},
      {"GraceEnded", [](const Bench&) { return GraceEnded{1}; }},
      {"JobTimedOut", [](const Bench&) { return JobTimedOut{}; }},
      {"StageTimeCame", [](const Bench&) { return StageTimeCame{1}; }},
      {"StartTimeCame", [](const Bench&) { return StartTimeCame{1}; }},
      {"SignalReceived", [](const Bench&) {
         return SignalReceived{Signal{"go", make_text("1")}};
       }}};
  static_assert(std::variant_size_v<Event> == 18, "a new event belongs into this list");
  return events;
}

bool has_transition(JobStatus from, JobStatus to) {
  for (const auto& row : job_transitions) {
    if (row.from == from && row.to == to) return true;
  }
  return false;
}

}  // namespace

TEST_SUITE("machine: every status and every event") {
  TEST_CASE("a job gets into each status") {
    REQUIRE(makers.size() == all_job_statuses.size());
    for (const auto& maker : makers) {
      CAPTURE(to_string(maker.status));
      CHECK(maker.make().job.status == maker.status);
    }
  }

  TEST_CASE("each event in each status changes the status only as the table says") {
    for (const auto& maker : makers) {
      for (const auto& [name, make] : all_events()) {
        if (!make) continue;  // a submission makes a job, it does not happen to one
        CAPTURE(to_string(maker.status));
        CAPTURE(name);
        auto bench = maker.make();
        bench.clock = Milliseconds{60'000};
        const auto before = bench.job.status;
        bench.give(make(bench));
        const auto after = bench.job.status;
        CAPTURE(to_string(after));
        // Two rows may be taken in one step, as from queued over running to completed.
        bool legal = before == after || has_transition(before, after);
        for (const auto middle : all_job_statuses)
          legal = legal || (has_transition(before, middle) && has_transition(middle, after));
        CHECK(legal);
        if (is_terminal(before) && name != "RedriveRequested") {
          CHECK(after == before);
          CHECK_FALSE(bench.wants<SaveJob>());
        }
        CHECK(is_terminal(after) == bench.job.finished_at.has_value());
        if (before != after) CHECK(bench.wants<SaveJob>());
        if (is_terminal(after) && !is_terminal(before)) CHECK(bench.wants<EndJob>());
      }
    }
  }

  TEST_CASE("a request is refused exactly where it would change nothing, but for one that is done already") {
    for (const auto& maker : makers) {
      CAPTURE(to_string(maker.status));
      const std::vector<std::pair<Control, Event>> requests{{Control::cancel, CancelRequested{}},
                                                            {Control::pause, PauseRequested{}},
                                                            {Control::resume, ResumeRequested{}},
                                                            {Control::redrive, RedriveRequested{}}};
      for (const auto& [verb, event] : requests) {
        CAPTURE(static_cast<int>(verb));
        auto bench = maker.make();
        const bool refused = refusal(verb, bench.job.id, bench.job.status).has_value();
        const auto before = bench.job.status;
        bench.give(event);
        const bool is_done = (verb == Control::cancel && before == JobStatus::cancelling) ||
                             (verb == Control::pause && before == JobStatus::paused);
        CHECK(refused == (bench.job.status == before && !is_done));
      }
    }
  }
}

TEST_SUITE("machine: joins, fences and retries") {
  TEST_CASE("a stage without tasks joins at once") {
    auto bench = queued();
    bench.give(bench.decided(stage_of(0)));
    REQUIRE(bench.job.boundary);
    CHECK(bench.job.boundary->kind == BoundaryKind::close);
    CHECK(bench.wants<CallHandler>());
  }

  TEST_CASE("an outcome counts once, whoever repeats it") {
    auto bench = running(3);
    const auto slice = bench.take(2);
    bench.give(TasksReported{Bench::completed(slice)});
    CHECK(bench.job.round->counts.completed == 2);
    bench.give(TasksReported{Bench::completed(slice)});
    CHECK(bench.job.round->counts.completed == 2);
    bench.give(TasksReported{Bench::failed(slice)});
    CHECK(bench.job.round->counts.completed == 2);
    CHECK(bench.job.round->counts.running == 0);
    CHECK(bench.job.round->counts.queued == 1);
    CHECK_FALSE(bench.job.boundary);
  }

  TEST_CASE("an attempt of an older incarnation, round or number is void") {
    auto bench = running(1);
    const auto slice = bench.take();
    auto older = slice;
    older.incarnation = 0;
    bench.give(TasksReported{Bench::completed(older)});
    CHECK(bench.job.round->counts.completed == 0);
    auto other_round = slice;
    other_round.round = 7;
    bench.give(TasksReported{Bench::completed(other_round)});
    CHECK(bench.job.round->counts.completed == 0);

    bench.give(TasksReported{Bench::failed(slice)});
    CHECK(bench.job.round->counts.retrying == 1);
    bench.clock = Milliseconds{100};
    bench.give(RetriesCameDue{});
    const auto second = bench.take();
    CHECK(second.attempt_at(0) == 2);
    bench.give(TasksReported{Bench::completed(slice)});  // attempt 1 again
    CHECK(bench.job.round->counts.completed == 0);
    bench.give(TasksReported{Bench::completed(second)});
    CHECK(bench.job.round->counts.completed == 1);
  }

  TEST_CASE("a part of a report that is void does not spoil the rest") {
    auto bench = running(4);
    const auto slice = bench.take(4);
    auto one = slice;
    one.count = 1;
    bench.give(TasksReported{Bench::completed(one)});
    bench.give(TasksReported{Bench::completed(slice)});
    CHECK(bench.job.round->counts.completed == 4);
    REQUIRE(bench.job.round->inline_outcomes.size() == 2);
    const auto& rest = bench.job.round->inline_outcomes.back();
    CHECK(rest.count == 3);
    CHECK(rest.offsets == std::vector<ChunkOffset>{1, 2, 3});
    CHECK(*rest.body == "[1,2,3]");
  }

  TEST_CASE("the last failure runs the same check as the last success") {
    for (const bool failure_last : {false, true}) {
      auto bench = queued();
      auto stage = stage_of(2);
      stage.policy.join = JoinTolerateCount{1};
      bench.give(bench.decided(std::move(stage)));
      const auto a = bench.take(1);
      const auto b = bench.take(1);
      const auto bad = Bench::failed(a, FailedAttempt::Verdict::permanent);
      bench.give(TasksReported{failure_last ? Bench::completed(b) : bad});
      CHECK_FALSE(bench.job.boundary);
      bench.give(TasksReported{failure_last ? bad : Bench::completed(b)});
      CHECK(bench.job.boundary);
    }
  }

  TEST_CASE("a strict join stops at the first task out of attempts, and lets go of what runs") {
    auto bench = running(5);
    const auto bad = bench.take(1);
    const auto runs = bench.take(1);
    bench.give(TasksReported{Bench::failed(bad, FailedAttempt::Verdict::permanent)});
    CHECK(bench.job.status == JobStatus::running);
    CHECK(bench.wants<StopTasks>());
    CHECK_FALSE(has_ready_tasks(bench.job));
    bench.give(TasksReported{Bench::completed(runs)});
    CHECK(bench.job.status == JobStatus::failed);
    CHECK(bench.job.round->counts.completed == 1);
    CHECK(bench.job.round->counts.failed == 1);
    CHECK(bench.job.round->counts.cancelled == 3);
    REQUIRE(bench.job.error);
    CHECK(bench.job.error->code == ErrorCode::task_failed);
    CHECK(bench.job.error->task_index == 0);
    CHECK(bench.job.error->message == "on purpose");
  }

  TEST_CASE("what ignores that it should end is fenced when its grace is over") {
    auto bench = cancelling();
    bench.give(GraceEnded{1});
    CHECK(bench.job.status == JobStatus::cancelled);
  }

  TEST_CASE("only failures use attempts up; the last one fails the task") {
    auto bench = running(1);
    bench.give(TasksReported{Bench::failed(bench.take())});
    CHECK(bench.job.status == JobStatus::running);
    bench.give(RetriesCameDue{});
    CHECK_FALSE(has_ready_tasks(bench.job));  // not yet due
    bench.clock = Milliseconds{100};
    bench.give(RetriesCameDue{});
    bench.give(TasksReported{Bench::failed(bench.take())});
    CHECK(bench.job.status == JobStatus::failed);
    CHECK(bench.job.error->attempt == 2);
  }

  TEST_CASE(
      "a task that the process dies of is dead after the rule's number of deaths, and counts as failed in the join") {
    auto bench = queued();
    auto stage = stage_of(2);
    stage.policy.join = JoinBestEffort{};
    bench.give(bench.decided(std::move(stage)));
    for (int death = 1; death < bench.rules.poison_deaths; ++death) {
      bench.give(TaskLost{1, 0, true});
      CHECK(bench.job.round->counts.dead == 0);
    }
    bench.give(TaskLost{1, 0, false});  // in company: it may have been the other one
    CHECK(bench.job.round->counts.dead == 0);
    bench.give(TaskLost{1, 0, true});
    CHECK(bench.job.round->counts.dead == 1);
    CHECK(bench.job.status == JobStatus::running);
  }

  TEST_CASE("a boundary that fails says where, and a broken contract is dead") {
    auto bench = queued();
    bench.give(bench.decided(HandlerFailed{Error{ErrorCode::handler_threw, "no"}}));
    CHECK(bench.job.status == JobStatus::failed);
    // A stage that was aggregated is closed, whatever a later function does.
    auto later = running();
    later.give(TasksReported{Bench::completed(later.take())});
    later.give(later.decided(HandlerFailed{Error{ErrorCode::handler_threw, "no"}}));
    CHECK(later.job.status == JobStatus::failed);
    CHECK(later.job.round->status == StageStatus::completed);
    auto earlier = running();
    earlier.give(TasksReported{Bench::completed(earlier.take())});
    earlier.give(earlier.decided(HandlerFailed{Error{ErrorCode::handler_threw, "no"}}, false));
    CHECK(earlier.job.round->status == StageStatus::failed);
    auto broken = queued();
    broken.give(broken.decided(HandlerFailed{Error{ErrorCode::handler_contract, "no"}}));
    CHECK(broken.job.status == JobStatus::dead);
  }

  TEST_CASE("the definitions of a round are durable before a task of it may start, unless it is small and pure") {
    for (const bool pure : {false, true}) {
      for (const std::uint32_t tasks : {1U, 100U}) {
        auto bench = queued();
        auto stage = stage_of(tasks);
        stage.specs[0].pure = pure;
        bench.give(bench.decided(std::move(stage)));
        bool found = false;
        for (const auto& effect : bench.effects.list()) {
          if (!std::holds_alternative<OfferTasks>(effect.body)) continue;
          found = true;
          CHECK((effect.after == After::now) == (pure && tasks <= bench.rules.inline_tasks));
        }
        CHECK(found);
      }
    }
  }

  TEST_CASE("a join is decided when its outcome is certain") {
    struct Row {
      Join join;
      std::uint64_t total, completed, failed;
      const char* verdict;
    };
    const std::vector<Row> rows{{JoinAll{}, 3, 2, 0, "open"},
                                {JoinAll{}, 3, 3, 0, "met"},
                                {JoinAll{}, 3, 0, 1, "missed"},
                                {JoinAll{}, 0, 0, 0, "met"},
                                {JoinBestEffort{}, 3, 0, 2, "open"},
                                {JoinBestEffort{}, 3, 0, 3, "met"},
                                {JoinAtLeast{2}, 3, 2, 0, "met"},
                                {JoinAtLeast{2}, 3, 1, 1, "open"},
                                {JoinAtLeast{2}, 3, 0, 2, "missed"},
                                {JoinAtLeast{5}, 3, 0, 0, "missed"},
                                {JoinAtLeast{0}, 3, 0, 0, "met"},
                                {JoinTolerateCount{1}, 3, 1, 1, "open"},
                                {JoinTolerateCount{1}, 3, 2, 1, "met"},
                                {JoinTolerateCount{1}, 3, 0, 2, "missed"},
                                {JoinToleratePercent{50}, 4, 2, 2, "met"},
                                {JoinToleratePercent{50}, 4, 0, 3, "missed"},
                                {JoinToleratePercent{0}, 4, 3, 1, "missed"}};
    for (const auto& row : rows) {
      auto bench = queued();
      auto stage = stage_of(static_cast<std::uint32_t>(row.total));
      stage.policy.join = row.join;
      bench.give(bench.decided(std::move(stage)));
      if (row.completed > 0)
        bench.give(TasksReported{Bench::completed(bench.take(static_cast<std::uint32_t>(row.completed)))});
      for (std::uint64_t i = 0; i < row.failed && bench.job.round->phase == RoundPhase::open; ++i) {
        bench.give(TasksReported{Bench::failed(bench.take(1), FailedAttempt::Verdict::permanent)});
      }
      const std::string verdict = bench.job.status == JobStatus::failed ? "missed"
                                  : bench.job.boundary                  ? "met"
                                                                        : "open";
      CAPTURE(row.join.index());
      CAPTURE(row.completed);
      CAPTURE(row.failed);
      CHECK(verdict == row.verdict);
    }
  }
}
