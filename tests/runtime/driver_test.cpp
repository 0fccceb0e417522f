// Who drives the engine, and who writes meanwhile.

#include <atomic>
#include <functional>
#include <future>

#include <doctest/doctest.h>

#include <coremachine/runtime/core_machine.hpp>

#include "core/threads/wake_gathering.hpp"
#include "tests/support/empty_job.hpp"

using namespace coremachine;

namespace {

struct World {
  static MachineOptions options(World& world) {
    world.jobs.add<support::EmptyJob>("idle");
    MachineOptions options;
    options.jobs = &world.jobs;
    options.tasks = &world.tasks;
    options.store = "memory:";
    return options;
  }
  JobRegistry jobs = {};
  TaskRegistry tasks = {};
  CoreMachine machine{options(*this)};
};

}  // namespace

TEST_SUITE("runtime: driver") {
  TEST_CASE_FIXTURE(World, "who is answered can leave it to the thread to wake others when it has answered all") {
    for (int i = 0; i < 10; ++i) {
      std::promise<bool> woken;
      machine.submit_then("idle", {}, {}, [&](const Result<JobId>& job) {
        auto* const gathering = threads::WakeGathering::current();
        if (!job || !gathering) return woken.set_value(false);
        gathering->add([&] { woken.set_value(threads::WakeGathering::current() == nullptr); });
      });
      CHECK(woken.get_future().get());
    }
  }

  TEST_CASE_FIXTURE(World, "a batch is written though inputs come for ever") {
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
