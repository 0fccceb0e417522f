// Who drives the engine, and who writes meanwhile.

#include <atomic>
#include <functional>
#include <future>

#include <doctest/doctest.h>

#include <coremachine/runtime/core_machine.hpp>

namespace {

using namespace coremachine;

struct IdleJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {}; }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext&) const override { return {}; }
};

}  // namespace

TEST_SUITE("runtime: driver") {
  TEST_CASE("a batch is written though inputs come for ever") {
    JobRegistry jobs;
    TaskRegistry tasks;
    jobs.add<IdleJob>("idle");
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.store = "memory:";
    CoreMachine machine(std::move(options));
    // Each answer asks again, on the thread that drives.
    std::atomic<bool> enough = false;
    std::promise<void> asked_last;
    const std::function<void(Result<JobView>)> ask = [&](const Result<JobView>&) {
      if (enough) return asked_last.set_value();
      machine.cancel_then(JobId{1, 1}, ask);
    };
    ask(Error{});
    // The pool has nothing to run: whoever drives is to write, too.
    SubmitOptions later;
    later.delay = std::chrono::hours{1};
    for (int i = 0; i < 20; ++i) CHECK(machine.submit("idle", {}, later).has_value());
    enough = true;
    asked_last.get_future().wait();
  }
}
