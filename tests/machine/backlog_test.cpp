// Since when tasks wait, and how many, as the engine keeps it.

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/model/json_text.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"
#include "tests/support/job_bench.hpp"

namespace {

using namespace coremachine;
using support::Bench;

/// One stage of `count` tasks of the types a, b and c in turn, each third of which fails once.
struct MixedJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    const auto count = context.job_params().at("count").to_number<int>();
    const auto types = context.job_params().at("types").to_number<int>();
    for (int i = 0; i < count; ++i) tasks.push_back({std::string(1, static_cast<char>('a' + i % types)), {{"i", i}}});
    return tasks;
  }
  StagePolicy stage_policy(int, const JobContext&) const override {
    return {.join = JoinBestEffort{},
            .retry = RetryPolicy{.max_attempts = 2, .first_delay = Milliseconds{30}, .jitter = true}};
  }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int stage, const JobContext&) const override { return stage < 2; }
  json::object get_final_result(const JobContext&) const override { return {}; }
};

struct World {
  World() {
    jobs.add<MixedJob>("mixed");
    for (const auto* type : {"a", "b", "c"}) {
      tasks.add(type, [](const json::object& params, TaskContext& context) -> TaskResult {
        if (params.at("i").to_number<int>() % 3 == 0 && context.attempt() == 1) return TaskFailure{.message = "no"};
        return {{"i", params.at("i")}};
      });
    }
    store = make_memory_store();
    shell = std::make_unique<testing::LoneShell>(jobs, tasks, *store, Timestamp{Milliseconds{1'000'000}});
  }
  void submit(int count, int types) {
    Submission submission;
    submission.type = "mixed";
    std::string text;
    append_json(text, json::object{{"count", count}, {"types", types}});
    submission.params = make_text(std::move(text));
    ids.push_back(shell->submit(std::move(submission)));
  }
  struct Waiting {
    std::uint64_t tasks = 0;
    Timestamp oldest = Timestamp::max();
    Timestamp youngest{};

    void add(std::uint64_t count, Timestamp since) {
      tasks += count;
      oldest = std::min(oldest, since);
      youngest = std::max(youngest, since);
    }
  };
  /// By looking at every job.
  std::map<std::string, Waiting> counted() const {
    std::map<std::string, Waiting> waiting;
    for (const auto id : ids) {
      const auto* job = shell->engine().find(id);
      if (!job || !job->round || job->round->phase != RoundPhase::open) continue;
      if (job->status != JobStatus::running && job->status != JobStatus::queued) continue;
      const auto& round = *job->round;
      for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
        auto& type = waiting[round.specs[spec].task_type];
        for (const auto number : round.ready[spec].chunks) {
          const auto& chunk = round.chunks[number];
          type.add(chunk.count - chunk.fresh, chunk.offered_at);
        }
        for (const auto& single : round.ready[spec].tasks) type.add(1, single.since);
      }
    }
    std::erase_if(waiting, [](const auto& each) { return each.second.tasks == 0; });
    return waiting;
  }

  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<Store> store;
  std::unique_ptr<testing::LoneShell> shell;
  std::vector<JobId> ids;
};

/// One of the things that can happen next.
void do_something(World& world, std::mt19937& dice, bool with_pauses) {
  auto& shell = *world.shell;
  const auto any = [&](const auto& list) { return static_cast<std::size_t>(dice() % list.size()); };
  switch (dice() % 12) {
    case 0: return world.submit(static_cast<int>(dice() % 40), 1 + static_cast<int>(dice() % 3));
    case 1: return world.submit(static_cast<int>(dice() % 3000), 1 + static_cast<int>(dice() % 3));
    case 2:
    case 3:
      if (!shell.boundaries.empty()) shell.run_boundary(any(shell.boundaries));
      return;
    case 4:
      if (!shell.decisions.empty()) shell.deliver_decision(any(shell.decisions));
      return;
    case 5:
    case 6:
      if (!shell.slices.empty()) shell.run_slice(any(shell.slices));
      return;
    case 7:
    case 8:
      if (!shell.reports.empty()) shell.deliver_report(any(shell.reports));
      return;
    case 9:
      if (shell.unacknowledged) return shell.acknowledge();
      if (shell.batch) return void(shell.write_batch());
      return void(shell.close_batch());
    case 10: return shell.advance_to(shell.now() + Milliseconds{with_pauses ? dice() % 80 : dice() % 10});
    default: break;
  }
  if (!with_pauses || world.ids.empty()) return;
  const auto verb = std::array{machine::Control::pause, machine::Control::resume, machine::Control::resume,
                               machine::Control::cancel}[dice() % 4];
  shell.control(world.ids[any(world.ids)], verb);
}

}  // namespace

TEST_SUITE("machine: what waits") {
  TEST_CASE("a task waits from when it was offered; one that is tried again from when that is due") {
    Bench bench;
    bench.clock = Milliseconds{1000};
    bench.give(JobSubmitted{});
    bench.give(bench.decided(support::stage_of(3)));
    const auto offered = support::at(bench.clock).time;
    bench.clock = Milliseconds{1500};
    const auto first = bench.take(2);
    CHECK(first.offered_at == offered);
    // What comes back without having begun has waited all the time.
    Report returned;
    returned.round = first.round;
    returned.chunk = first.chunk;
    returned.incarnation = first.incarnation;
    returned.returned = {first.offset_at(0)};
    bench.give(TasksReported{returned});
    bench.clock = Milliseconds{1700};
    const auto again = bench.take(1);
    CHECK(again.offset_at(0) == first.offset_at(0));
    CHECK(again.offered_at == offered);
    // A failure is due again after 100 ms, and waits from then on.
    bench.give(TasksReported{Bench::failed(again)});
    bench.clock = Milliseconds{1850};
    bench.give(RetriesCameDue{});
    const auto due = support::at(bench.clock).time;
    bench.clock = Milliseconds{1900};
    CHECK(bench.take(1).offered_at == due);
    CHECK(bench.take(1).offered_at == offered);  // the one that was never handed out
    CHECK(bench.job.round->ready_count == 0);
  }

  TEST_CASE("the queues that are kept are those that one would count, whatever happens") {
    std::size_t most = 0;
    for (const bool with_pauses : {false, true}) {
      for (unsigned seed = 0; seed < 15; ++seed) {
        CAPTURE(seed);
        CAPTURE(with_pauses);
        World world;
        std::mt19937 dice(seed);
        for (int i = 0; i < 400; ++i) {
          do_something(world, dice, with_pauses);
          const auto counted = world.counted();
          std::uint64_t out = 0;
          for (const auto& [type, queue] : world.shell->engine().queues()) {
            const auto found = counted.find(type);
            REQUIRE(queue.depth == (found == counted.end() ? 0 : found->second.tasks));
            REQUIRE(queue.oldest.has_value() == (queue.depth > 0));
            most = std::max<std::size_t>(most, queue.depth);
            out += queue.running;
            if (!queue.oldest) continue;
            // After a pause tasks of one job are no longer in the order in which they came.
            REQUIRE(*queue.oldest >= found->second.oldest);
            REQUIRE(*queue.oldest <= found->second.youngest);
            if (!with_pauses) REQUIRE(*queue.oldest == found->second.oldest);
          }
          std::uint64_t pending = 0;
          for (const auto& slice : world.shell->slices) pending += slice.slice.count;
          for (const auto& report : world.shell->reports)
            pending += report.report.completed.count + report.report.failed.size();
          REQUIRE(out == pending);
        }
      }
    }
    CHECK(most > 2000);
  }
}
