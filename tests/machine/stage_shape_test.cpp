// What a stage can be besides a list of tasks that all have to complete: lazy, a gate, with a deadline, with critical
// tasks, visited again.

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/machine/join.hpp"
#include "tests/support/job_bench.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

NextStage lazy_stage(std::uint32_t tasks, bool ended = false) {
  auto next = stage_of(tasks);
  next.policy.lazy = true;
  next.source.emplace();
  next.source->ended = ended;
  if (!ended) next.source->cursor = make_text("1");
  return next;
}

MoreTasks more_of(const Bench& bench, std::uint32_t tasks, bool ended) {
  MoreTasks more;
  more.specs = bench.job.round->specs;
  const auto chunk = static_cast<ChunkNumber>(bench.job.round->chunks.size());
  for (std::uint32_t first = 0; first < tasks; first += chunk_size) {
    DefinitionSegment segment;
    segment.chunk = chunk + first / chunk_size;
    segment.first = TaskIndex{segment.chunk} * chunk_size;
    segment.count = std::min(chunk_size, tasks - first);
    segment.body = make_text("[]");
    more.chunks.push_back(std::move(segment));
  }
  more.source.ended = ended;
  if (!ended) more.source.cursor = make_text("2");
  return more;
}

Bench opened(NextStage next) {
  Bench bench;
  bench.give(JobSubmitted{});
  bench.give(bench.decided(std::move(next)));
  return bench;
}

bool pulls(const Bench& bench) {
  return bench.job.boundary && bench.job.boundary->kind == BoundaryKind::pull;
}
bool closes(const Bench& bench) {
  return bench.job.boundary && bench.job.boundary->kind == BoundaryKind::close;
}

NextStage gate_stage(Gate gate) {
  NextStage next;
  next.policy.gate = std::move(gate);
  return next;
}

Bench queued_bench() {
  Bench bench;
  bench.give(JobSubmitted{});
  return bench;
}

Slice take_one(Bench& bench) {
  return bench.take(1);
}

}  // namespace

TEST_SUITE("machine: lazy stages") {
  TEST_CASE("tasks are pulled as they run out, and not before") {
    auto bench = opened(lazy_stage(2 * chunk_size));
    CHECK_FALSE(pulls(bench));  // two pulls' worth waits: that is enough
    Effects effects;
    REQUIRE(hand_out(
        bench.job, at(), [](SpecNumber) { return 1U; }, effects));
    CHECK(pulls(bench));
    CHECK(bench.job.round->counts.total == 2 * chunk_size);
    bench.give(bench.decided(more_of(bench, chunk_size, false)));
    CHECK(bench.job.round->counts.total == 3 * chunk_size);
  }

  TEST_CASE("pulls that follow each other grow, up to a bound; slow ones do not") {
    auto bench = opened(lazy_stage(chunk_size));
    for (int i = 0; i < 10; ++i) {
      REQUIRE(pulls(bench));
      bench.give(bench.decided(more_of(bench, chunk_size, false)));
      while (!pulls(bench)) bench.take(chunk_size);
    }
    CHECK(bench.job.round->source->pull_chunks == 32);
    auto slow = opened(lazy_stage(chunk_size));
    for (int i = 0; i < 10; ++i) {
      REQUIRE(pulls(slow));
      slow.clock += Milliseconds{1000};
      slow.give(slow.decided(more_of(slow, chunk_size, false)));
      while (!pulls(slow)) slow.take(chunk_size);
    }
    CHECK(slow.job.round->source->pull_chunks == 1);
  }

  TEST_CASE("the stage joins when its source has ended and all of it is in, in whichever order") {
    for (const bool end_first : {true, false}) {
      auto bench = opened(lazy_stage(10));
      REQUIRE(pulls(bench));
      const auto slice = bench.take();
      if (end_first) {
        bench.give(bench.decided(more_of(bench, 0, true)));
        CHECK_FALSE(closes(bench));
        bench.give(TasksReported{Bench::completed(slice)});
      } else {
        bench.give(TasksReported{Bench::completed(slice)});
        CHECK_FALSE(closes(bench));
        bench.give(bench.decided(more_of(bench, 0, true)));
      }
      CHECK(closes(bench));
      CHECK(bench.job.round->counts.total == 10);
    }
  }

  TEST_CASE("a percentage is judged when the total is known") {
    auto next = lazy_stage(10);
    next.policy.join = JoinToleratePercent{50};
    auto bench = opened(std::move(next));
    bench.give(TasksReported{Bench::failed(bench.take(), FailedAttempt::Verdict::permanent)});
    CHECK(bench.job.status == JobStatus::running);
    SUBCASE("met in the end") {
      bench.give(bench.decided(more_of(bench, 1024, true)));
      bench.give(TasksReported{Bench::completed(bench.take(1024))});
      CHECK(closes(bench));
    }
    SUBCASE("missed in the end") {
      bench.give(bench.decided(more_of(bench, 5, true)));
      CHECK(bench.job.status == JobStatus::failed);
    }
  }

  TEST_CASE("a pull that fails ends the job when what runs has ended; a redrive goes on pulling") {
    auto bench = opened(lazy_stage(2));
    const auto slice = bench.take(1);
    REQUIRE(pulls(bench));
    bench.give(bench.decided(HandlerFailed{Error{ErrorCode::handler_threw, "no more"}}));
    CHECK(bench.job.status == JobStatus::running);
    bench.give(TasksReported{Bench::completed(slice)});
    CHECK(bench.job.status == JobStatus::failed);
    CHECK(bench.job.error->message == "no more");
    CHECK_FALSE(bench.job.round->total_known());
  }

  TEST_CASE("after a crash it goes on from the cursor that was stored with the tasks") {
    auto bench = opened(lazy_stage(2 * chunk_size));
    bench.give(TasksReported{Bench::completed(bench.take())});
    bench.crash();
    CHECK(pulls(bench));
    CHECK(*bench.job.round->source->cursor == "1");
    CHECK(bench.job.round->counts.total == 2 * chunk_size);
    bench.give(bench.decided(more_of(bench, 3, true)));
    bench.crash();
    CHECK_FALSE(pulls(bench));
    CHECK(bench.job.round->counts.total == 2 * chunk_size + 3);
    CHECK(bench.job.round->total_known());
  }

  TEST_CASE("a paused job pulls nothing") {
    auto bench = opened(lazy_stage(10));
    REQUIRE(pulls(bench));
    bench.give(PauseRequested{});
    bench.give(bench.decided(more_of(bench, 10, false)));
    CHECK_FALSE(pulls(bench));
    bench.give(ResumeRequested{});
    CHECK(pulls(bench));
  }
}

TEST_SUITE("machine: gates") {
  TEST_CASE("a gate opens by its signal, also by one that came early, and by no other") {
    for (const bool early : {true, false}) {
      Bench bench;
      bench.give(JobSubmitted{});
      if (early) bench.give(SignalReceived{Signal{"go", make_text("42")}});
      bench.give(bench.decided(gate_stage({.signal = "go"})));
      if (!early) {
        CHECK_FALSE(closes(bench));
        bench.give(SignalReceived{Signal{"stop", make_text("1")}});
        CHECK_FALSE(closes(bench));
        bench.give(SignalReceived{Signal{"go", make_text("42")}});
      }
      REQUIRE(closes(bench));
      CHECK(*bench.job.round->signal->data == "42");
      CHECK(bench.job.signals.size() == (early ? 0 : 1));
    }
  }

  TEST_CASE("a gate opens by time, unless its signal must come") {
    for (const bool must_come : {true, false}) {
      auto bench = opened(gate_stage({.signal = "go", .wait = Milliseconds{500}, .must_come = must_come}));
      bench.give(StageTimeCame{1});
      CHECK(bench.job.status == JobStatus::running);  // too early
      bench.clock = Milliseconds{500};
      bench.give(StageTimeCame{1});
      if (must_come) {
        CHECK(bench.job.error->code == ErrorCode::gate_timeout);
      } else {
        REQUIRE(closes(bench));
        CHECK_FALSE(bench.job.round->signal);
      }
    }
  }

  TEST_CASE("signals and open gates survive a crash") {
    auto bench = opened(gate_stage({.signal = "go"}));
    bench.give(SignalReceived{Signal{"later", make_text("[1]")}});
    bench.crash();
    REQUIRE(bench.job.signals.size() == 1);
    CHECK(*bench.job.signals[0].data == "[1]");
    bench.give(SignalReceived{Signal{"go", make_text("{}")}});
    bench.crash();
    CHECK(closes(bench));
    CHECK(bench.job.round->signal->name == "go");
  }

  TEST_CASE("a gate that is cancelled ends at once") {
    auto bench = opened(gate_stage({.signal = "go"}));
    bench.give(CancelRequested{});
    CHECK(bench.job.status == JobStatus::cancelled);
    bench.give(SignalReceived{Signal{"go", make_text("1")}});
    CHECK(bench.job.signals.empty());
  }
}

TEST_SUITE("machine: deadlines, critical tasks, visits") {
  TEST_CASE("at its deadline a stage is joined with what has completed") {
    struct Row {
      Join join;
      std::uint32_t completed;  // of 10
      bool met;
    };
    const std::vector<Row> rows{{JoinAll{}, 9, false},
                                {JoinBestEffort{}, 0, true},
                                {JoinAtLeast{5}, 4, false},
                                {JoinTolerateCount{2}, 8, true},
                                {JoinTolerateCount{2}, 7, false},
                                {JoinToleratePercent{30}, 7, true},
                                {JoinToleratePercent{30}, 6, false}};
    for (const auto& row : rows) {
      CAPTURE(row.join.index());
      CAPTURE(row.completed);
      auto next = stage_of(10);
      next.policy.join = row.join;
      next.policy.deadline = Milliseconds{1000};
      auto bench = opened(std::move(next));
      if (row.completed > 0) bench.give(TasksReported{Bench::completed(bench.take(row.completed))});
      bench.clock = Milliseconds{1000};
      bench.give(StageTimeCame{1});
      CHECK(closes(bench) == row.met);
      if (!row.met) CHECK(bench.job.error->code == ErrorCode::stage_deadline);
      const auto& counts = bench.job.round->counts;
      CHECK(counts.cancelled == 10 - row.completed);
    }
  }

  TEST_CASE("what runs at the deadline may end within its grace, and counts") {
    auto next = stage_of(3);
    next.policy.deadline = Milliseconds{1000};
    auto bench = opened(std::move(next));
    const auto slice = bench.take(3);
    bench.clock = Milliseconds{1000};
    bench.give(StageTimeCame{1});
    CHECK(bench.job.round->phase == RoundPhase::stopping);
    bench.give(TasksReported{Bench::completed(slice)});
    CHECK(closes(bench));
  }

  TEST_CASE("critical tasks alone decide a critical join") {
    NextStage next = stage_of(4);
    next.policy.join = JoinCritical{};
    next.specs.push_back(next.specs[0]);
    next.specs[1].critical = true;
    next.chunks[0].specs = {0, 1, 1, 0};
    SUBCASE("all of them completed: the others are stragglers") {
      next.chunks[0].specs = {0, 1, 0, 0};
      auto bench = opened(next);
      for (int i = 0; i < 4 && !closes(bench); ++i) bench.give(TasksReported{Bench::completed(take_one(bench))});
      CHECK(closes(bench));
      CHECK(bench.job.round->critical.completed == 1);
      CHECK(bench.job.round->counts.completed < 4);
    }
    SUBCASE("one of the others may fail") {
      next.policy.stragglers = Stragglers::wait;
      auto bench = opened(next);
      for (int i = 0; i < 4; ++i) {
        const auto slice = take_one(bench);
        const bool critical = bench.job.round->chunks[0].spec_of(slice.first) == 1;
        bench.give(TasksReported{critical ? Bench::completed(slice)
                                          : Bench::failed(slice, FailedAttempt::Verdict::permanent)});
      }
      CHECK(closes(bench));
    }
    SUBCASE("one of them fails") {
      auto bench = opened(next);
      while (bench.job.status == JobStatus::running && !closes(bench)) {
        const auto slice = take_one(bench);
        const bool critical = bench.job.round->chunks[0].spec_of(slice.first) == 1;
        bench.give(TasksReported{critical ? Bench::failed(slice, FailedAttempt::Verdict::permanent)
                                          : Bench::completed(slice)});
      }
      CHECK(bench.job.status == JobStatus::failed);
    }
    SUBCASE("the job's error is that of the critical one, whichever failed first") {
      next.policy.stragglers = Stragglers::wait;
      for (const bool critical_first : {true, false}) {
        auto both = next;
        both.chunks[0].specs =
            critical_first ? std::vector<SpecNumber>{1, 0, 0, 0} : std::vector<SpecNumber>{0, 1, 0, 0};
        auto bench = opened(both);
        while (bench.job.status == JobStatus::running)
          bench.give(TasksReported{Bench::failed(take_one(bench), FailedAttempt::Verdict::permanent)});
        REQUIRE(bench.job.status == JobStatus::failed);
        CHECK(bench.job.error->task_index == (critical_first ? 0 : 1));
        CHECK(bench.job.error->code == ErrorCode::task_failed);
      }
    }
    SUBCASE("what is known of them survives a crash") {
      auto bench = opened(next);
      while (bench.job.round->critical.completed == 0) bench.give(TasksReported{Bench::completed(take_one(bench))});
      bench.crash();
      CHECK(bench.job.round->critical.total == 2);
      CHECK(bench.job.round->critical.completed == 1);
    }
  }

  TEST_CASE("a stage may be visited as often as its policy says") {
    auto bench = queued_bench();
    for (int visit = 1; visit <= 3; ++visit) {
      auto next = stage_of(1);
      next.policy.max_visits = 3;
      bench.give(bench.decided(std::move(next)));
      REQUIRE(bench.job.round->number == static_cast<RoundNumber>(visit));
      bench.give(TasksReported{Bench::completed(bench.take())});
    }
    auto again = stage_of(1);
    again.policy.max_visits = 3;
    bench.give(bench.decided(std::move(again)));
    CHECK(bench.job.status == JobStatus::dead);
    CHECK(bench.job.error->message.find("3 times") != std::string::npos);
  }
}
