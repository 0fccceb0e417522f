// The threads: who is woken for what, and that nothing waits for one that is stuck.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "core/runtime/pool.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::runtime;
using namespace std::chrono_literals;

machine::RunBoundary boundary(BoundaryNumber number, BoundaryKind kind = BoundaryKind::open_first) {
  machine::HandlerCall call;
  call.boundary.number = number;
  call.boundary.kind = kind;
  return {std::make_shared<machine::HandlerCall>(call)};
}

Input decided(const machine::RunBoundary& run) {
  BoundaryInput input;
  input.decided.boundary = run.call->boundary.number;
  return input;
}

}  // namespace

TEST_SUITE("runtime: pool") {
  TEST_CASE("nothing waits for a thread that is stuck: neither what is left to it nor what it has to tell") {
    // In each round one of two waits for the other: the first until the second has run, or the second until the engine
    // knows what came of the first. A thread looks out in some of the rounds and in others not.
    constexpr BoundaryNumber rounds = 200;
    for (const bool second_waits : {false, true}) {
      CAPTURE(second_waits);
      RunningRecord record("");
      std::unique_ptr<Pool> pool;
      std::promise<void> over;
      std::atomic<BoundaryNumber> ran{0};   // the last of which the waiting one may know
      std::atomic<BoundaryNumber> told{0};  // likewise
      std::mutex mutex;
      std::vector<BoundaryNumber> put;
      std::size_t ended = 0;
      const auto await = [](const std::atomic<BoundaryNumber>& at, BoundaryNumber wanted) {
        for (auto seen = at.load(); seen < wanted; seen = at.load()) at.wait(seen);
      };
      const auto raise = [](std::atomic<BoundaryNumber>& at, BoundaryNumber to) {
        at = to;
        at.notify_all();
      };
      BoundaryNumber round = 0;
      const auto next_round = [&] {
        ++round;
        std::vector<machine::RunBoundary> both;
        both.push_back(boundary(2 * round));
        both.push_back(boundary(2 * round + 1));
        pool->add(std::move(both), {});
      };
      Pool::Work work;
      work.run_boundary = [&](const machine::RunBoundary& run, RunningRecord::Slot&) {
        const auto number = run.call->boundary.number;
        const bool first = number % 2 == 0;
        if (first && !second_waits) await(ran, number / 2);
        if (!first && second_waits) await(told, number / 2);
        if (!first) raise(ran, number / 2);
        return decided(run);
      };
      work.run_slice = [](SliceState&, RunningRecord::Slot&) -> Input { return TickInput{}; };
      work.put = [&](Input input) {
        const std::lock_guard lock(mutex);
        if (auto* of = std::get_if<BoundaryInput>(&input)) put.push_back(of->decided.boundary);
      };
      work.post = [&](Input input) {
        work.put(std::move(input));
        const std::lock_guard lock(mutex);
        if (put.empty()) return;
        ended += put.size();
        for (const auto number : std::exchange(put, {})) {
          if (number % 2 == 0) raise(told, number / 2);
        }
        if (ended < 2) return;
        ended = 0;
        if (round == rounds) return over.set_value();
        next_round();
      };
      work.drive = [&] { next_round(); };
      work.write = [] {};
      const auto copy = work;
      pool = std::make_unique<Pool>(2, 4, record, copy);
      pool->room({1us}, {1us});
      pool->wake_driver();
      over.get_future().wait();
      pool->stop();
      CHECK(ran == rounds);
    }
  }

  TEST_CASE("a slice is begun however many small boundaries come") {
    RunningRecord record("");
    std::unique_ptr<Pool> pool;
    std::atomic<bool> slice_ran{false};
    std::promise<void> over;
    std::mutex mutex;
    std::size_t owed = 0;
    Pool::Work work;
    work.run_boundary = [&](const machine::RunBoundary& run, RunningRecord::Slot&) { return decided(run); };
    work.run_slice = [&](SliceState&, RunningRecord::Slot&) -> Input {
      if (!slice_ran.exchange(true)) over.set_value();
      return TickInput{};
    };
    work.put = [&](Input input) {
      const std::lock_guard lock(mutex);
      if (std::holds_alternative<BoundaryInput>(input)) ++owed;
    };
    // For each boundary that is over there is another, until the slice has run.
    work.post = [&](Input input) {
      work.put(std::move(input));
      std::vector<machine::RunBoundary> more;
      {
        const std::lock_guard lock(mutex);
        for (; owed > 0; --owed) more.push_back(boundary(1));
      }
      if (!slice_ran) pool->add(std::move(more), {});
    };
    work.drive = work.write = [] {};
    const auto copy = work;
    pool = std::make_unique<Pool>(2, 4, record, copy);
    pool->room({1us}, {1us});
    std::vector<machine::RunBoundary> many;
    for (int i = 0; i < 50; ++i) many.push_back(boundary(1));
    pool->add(std::move(many), {std::make_shared<SliceState>(machine::RunSlice{})});
    over.get_future().wait();
    pool->stop();
    CHECK(slice_ran);
  }

  TEST_CASE("a stage is opened although another job closes one after the other") {
    RunningRecord record("");
    std::unique_ptr<Pool> pool;
    std::atomic<bool> opened{false}, told{false};
    std::promise<void> over;
    Pool::Work work;
    work.run_boundary = [&](const machine::RunBoundary& run, RunningRecord::Slot&) {
      if (run.call->boundary.kind == BoundaryKind::open_first) opened = true;
      return decided(run);
    };
    work.run_slice = [](SliceState&, RunningRecord::Slot&) -> Input { return TickInput{}; };
    // For each boundary that is over another stage is to be closed, until the one is opened.
    work.post = work.put = [&](Input input) {
      if (!std::holds_alternative<BoundaryInput>(input)) return;
      if (opened) {
        if (!told.exchange(true)) over.set_value();
        return;
      }
      std::vector<machine::RunBoundary> next;
      next.push_back(boundary(1, BoundaryKind::close));
      pool->add(std::move(next), {});
    };
    work.drive = work.write = [] {};
    const auto copy = work;
    pool = std::make_unique<Pool>(1, 1, record, copy);
    pool->room({1us}, {1us});
    std::vector<machine::RunBoundary> all;
    for (int i = 0; i < 8; ++i) all.push_back(boundary(1, BoundaryKind::close));  // more than there are threads
    all.push_back(boundary(2));
    pool->add(std::move(all), {});
    over.get_future().wait();
    pool->stop();
    CHECK(opened);
  }

  TEST_CASE("of a crowd of small jobs the first are over before the last have begun") {
    // Each job is a boundary that opens it, a slice, and a boundary that closes it.
    constexpr BoundaryNumber jobs = 100;
    RunningRecord record("");
    std::unique_ptr<Pool> pool;
    std::promise<void> over;
    std::mutex mutex;
    std::size_t opened = 0, closed = 0, opened_at_first_end = 0;
    std::vector<machine::RunBoundary> boundaries;
    std::vector<std::shared_ptr<SliceState>> slices;
    Pool::Work work;
    work.run_boundary = [&](const machine::RunBoundary& run, RunningRecord::Slot&) -> Input {
      const std::lock_guard lock(mutex);
      if (run.call->boundary.kind != BoundaryKind::close) {
        ++opened;
        return decided(run);
      }
      if (closed == 0) opened_at_first_end = opened;
      if (++closed == jobs) over.set_value();
      return TickInput{};
    };
    work.run_slice = [&](SliceState& slice, RunningRecord::Slot&) {
      SliceInput input;
      input.slice = slice.work().id;
      return input;
    };
    work.put = [&](Input input) {
      const std::lock_guard lock(mutex);
      if (const auto* ran = std::get_if<SliceInput>(&input)) {
        boundaries.push_back(boundary(static_cast<BoundaryNumber>(ran->slice), BoundaryKind::close));
      } else if (const auto* of = std::get_if<BoundaryInput>(&input)) {
        machine::RunSlice next;
        next.id = of->decided.boundary;
        slices.push_back(std::make_shared<SliceState>(std::move(next)));
      }
    };
    const auto hand_out = [&] {
      std::vector<machine::RunBoundary> out;
      std::vector<std::shared_ptr<SliceState>> run;
      {
        const std::lock_guard lock(mutex);
        out.swap(boundaries);
        run.swap(slices);
      }
      pool->add(std::move(out), std::move(run));
    };
    work.post = [&](Input input) {
      work.put(std::move(input));
      hand_out();
    };
    work.drive = [&] {
      for (BoundaryNumber job = 1; job <= jobs; ++job) boundaries.push_back(boundary(job));
      hand_out();
    };
    work.write = [] {};
    const auto copy = work;
    pool = std::make_unique<Pool>(1, 1, record, copy);
    pool->room({1us}, {1us});
    pool->wake_driver();
    over.get_future().wait();
    pool->stop();
    CHECK(opened == jobs);
    CHECK(opened_at_first_end < jobs / 2);
  }

  TEST_CASE("for a slice that does not come back there is another thread, until it does") {
    RunningRecord record("");
    std::promise<void> inside, may_end, over;
    Pool::Work work;
    work.run_slice = [&](SliceState&, RunningRecord::Slot&) -> Input {
      inside.set_value();
      may_end.get_future().wait();
      return TickInput{};
    };
    work.run_boundary = [](const machine::RunBoundary& run, RunningRecord::Slot&) { return decided(run); };
    work.put = work.post = [&](Input) { over.set_value(); };
    work.drive = work.write = [] {};
    constexpr machine::SliceId slice = 7;
    Pool pool(2, 1, record, std::move(work));
    const auto free = [&] { return pool.room({1ms}, {1ms}).free_threads; };
    CHECK(pool.slice_abandoned(slice));  // it has not begun
    CHECK(free() == 2);
    machine::RunSlice run;
    run.id = slice;
    pool.add({}, {std::make_shared<SliceState>(std::move(run))});
    inside.get_future().wait();
    CHECK(free() == 1);
    CHECK(pool.slice_abandoned(slice));
    CHECK(free() == 2);
    may_end.set_value();
    over.get_future().wait();
    CHECK(free() == 2);
    CHECK(pool.slice_abandoned(slice));  // it came back at that moment
    CHECK(free() == 2);
    pool.stop();
  }

  TEST_CASE("what comes while a thread is about to write is left to another one") {
    RunningRecord record("");
    std::unique_ptr<Pool> pool;
    std::promise<void> slice_ran, written;
    std::atomic<bool> first{true};
    Pool::Work work;
    work.run_slice = [&](SliceState&, RunningRecord::Slot&) -> Input {
      slice_ran.set_value();
      return TickInput{};
    };
    work.put = work.post = [](Input) {};
    work.drive = [&] {
      if (!first.exchange(false)) return;
      REQUIRE(pool->writes_next());
      pool->add({}, {std::make_shared<SliceState>(machine::RunSlice{})});
    };
    work.write = [&] {
      slice_ran.get_future().wait();
      written.set_value();
    };
    const auto copy = work;
    pool = std::make_unique<Pool>(1, 1, record, copy);
    pool->room({1us}, {1us});
    pool->wake_driver();
    written.get_future().wait();
    pool->stop();
  }

  TEST_CASE("a thread is inside its own pool alone") {
    RunningRecord record("");
    Pool::Work idle;
    idle.put = idle.post = [](Input) {};
    idle.drive = idle.write = [] {};
    Pool other(1, 1, record, idle);
    std::unique_ptr<Pool> pool;
    std::promise<void> over;
    auto work = idle;
    work.drive = [&] {
      CHECK(pool->inside());
      CHECK(!other.inside());
      CHECK(!other.writes_next());
      over.set_value();
    };
    pool = std::make_unique<Pool>(1, 1, record, work);
    CHECK(!pool->inside());
    pool->wake_driver();
    over.get_future().wait();
    pool->stop();
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
    work.put = work.post;
    work.drive = work.write = [] {};
    Pool pool(2, 4, record, std::move(work));
    for (const auto takes : {1us, 10'000us}) {
      inside = told = 0;
      pool.room({takes}, {takes});
      std::vector<machine::RunBoundary> four;
      for (BoundaryNumber number = 1; number <= 4; ++number) four.push_back(boundary(number));
      pool.add(std::move(four), {});
      for (auto seen = told.load(); seen < 4; seen = told.load()) told.wait(seen);
      CHECK(inside == 4);
    }
    pool.stop();
  }
}
