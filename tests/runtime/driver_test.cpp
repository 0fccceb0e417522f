// Who drives the engine, and who writes meanwhile.

#include <atomic>
#include <functional>
#include <future>

#include <doctest/doctest.h>

#include <coremachine/runtime/core_machine.hpp>

#include "tests/support/empty_job.hpp"
using namespace coremachine;

TEST_SUITE("runtime: driver") {
  TEST_CASE("a batch is written though inputs come for ever") {
    JobRegistry jobs;
    TaskRegistry tasks;
    jobs.add<support::EmptyJob>("idle");
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
