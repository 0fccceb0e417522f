// The threads: who is woken for what, and that nothing waits for one that is stuck.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include <doctest/doctest.h>

#include "core/runtime/pool.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::runtime;
using namespace std::chrono_literals;

machine::RunBoundary boundary(BoundaryNumber number) {
  machine::RunBoundary run;
  run.call.boundary.number = number;
  return run;
}

Input decided(const machine::RunBoundary& run) {
  BoundaryInput input;
  input.decided.boundary = run.call.boundary.number;
  return input;
}

}  // namespace

TEST_SUITE("runtime: pool") {
  TEST_CASE("what was left to a thread that got stuck is run by another, whether one looks out already or not") {
    constexpr BoundaryNumber rounds = 200;
    RunningRecord record("");
    std::promise<void> over;
    // In each round the first waits for the second, and the second for nobody.
    std::atomic<BoundaryNumber> second_ran{0};
    std::unique_ptr<Pool> pool;
    std::atomic<int> ended{2};
    BoundaryNumber round = 0;
    const auto next_round = [&] {
      ++round;
      ended = 0;
      std::vector<machine::RunBoundary> both;
      both.push_back(boundary(2 * round));
      both.push_back(boundary(2 * round + 1));
      pool->add(std::move(both), {});
    };
    Pool::Work work;
    work.run_boundary = [&](const machine::RunBoundary& run, RunningRecord::Slot&) {
      const auto number = run.call.boundary.number;
      if (number % 2 == 0) {
        for (auto seen = second_ran.load(); seen < number / 2; seen = second_ran.load()) second_ran.wait(seen);
      } else {
        second_ran = number / 2;
        second_ran.notify_all();
      }
      return decided(run);
    };
    work.run_slice = [](SliceState&, RunningRecord::Slot&) -> Input { return TickInput{}; };
    work.post = [&](Input) {
      if (++ended < 2) return;
      if (round == rounds) return over.set_value();
      next_round();
    };
    work.drive = [&] { next_round(); };
    work.write = [] {};
    pool = std::make_unique<Pool>(2, 4, record, std::move(work));
    pool->expect(1us, 1us);
    pool->wake_driver();
    over.get_future().wait();
    pool->stop();
    CHECK(second_ran == rounds);
  }

  TEST_CASE("long pieces run side by side, as many as may") {
    RunningRecord record("");
    std::atomic<int> inside{0};
    std::atomic<int> told{0};
    Pool::Work work;
    work.run_boundary = [&](const machine::RunBoundary& run, RunningRecord::Slot&) {
      // All four are needed for any to go on.
      ++inside;
      inside.notify_all();
      for (auto seen = inside.load(); seen < 4; seen = inside.load()) inside.wait(seen);
      return decided(run);
    };
    work.run_slice = [](SliceState&, RunningRecord::Slot&) -> Input { return TickInput{}; };
    work.post = [&](Input) {
      ++told;
      told.notify_all();
    };
    work.drive = work.write = [] {};
    Pool pool(2, 4, record, std::move(work));
    for (const auto takes : {1us, 10'000us}) {
      inside = told = 0;
      pool.expect(takes, takes);
      std::vector<machine::RunBoundary> four;
      for (BoundaryNumber number = 1; number <= 4; ++number) four.push_back(boundary(number));
      pool.add(std::move(four), {});
      for (auto seen = told.load(); seen < 4; seen = told.load()) told.wait(seen);
      CHECK(inside == 4);
    }
    pool.stop();
  }
}
