#include "core/runtime/committer.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace coremachine::runtime {
namespace {

/// How often a batch that found the disk full is tried again.
constexpr std::chrono::milliseconds full_disk_pause{500};

}  // namespace

Committer::Committer(Store& store, Hooks hooks) : store_(store), hooks_(std::move(hooks)), thread_([this] { run(); }) {}

Committer::~Committer() {
  stop();
}

void Committer::give(Batch batch, bool here) {
  {
    const std::lock_guard lock(mutex_);
    idle_.store(false, std::memory_order_release);
    expected_.reset();
    given_ = std::move(batch);
  }
  if (!here) changed_.notify_one();
}

void Committer::write_given() {
  std::unique_lock lock(mutex_);
  if (!given_) return;
  auto batch = std::move(*given_);
  given_.reset();
  lock.unlock();
  write(std::move(batch));
}

void Committer::expect(std::chrono::steady_clock::time_point limit) {
  {
    const std::lock_guard lock(mutex_);
    if (expected_) return;
    expected_ = limit;
  }
  changed_.notify_one();
}

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Committer::run() {
  ::pthread_setname_np(::pthread_self(), "cm-commit");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (given_) {
      auto batch = std::move(*given_);
      given_.reset();
      lock.unlock();
      write(std::move(batch));
      lock.lock();
    } else if (stopping_) {
      return;
    } else if (expected_) {
      const auto limit = *expected_;
      if (changed_.wait_until(lock, limit, [&] { return given_ || stopping_; })) continue;
      expected_.reset();
      lock.unlock();
      hooks_.post(TickInput{});
      lock.lock();
    } else {
      changed_.wait(lock);
    }
  }
}

void Committer::write(Batch batch) {
  const auto reach = [&](std::string_view point) {
    if (hooks_.fault_point) hooks_.fault_point(point);
  };
  bool full = false;
  for (;;) {
    reach("Commit:before");
    const auto began = std::chrono::steady_clock::now();
    const auto result = store_.commit(batch);
    if (result) {
      reach("Commit:after");
      const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - began);
      const auto typical = typical_ns_.load(std::memory_order_relaxed);
      typical_ns_.store(typical + (took.count() - typical) / 8, std::memory_order_relaxed);
      if (hooks_.written) hooks_.written(took, batch);
      if (full) hooks_.post(StoreFullInput{false});
      idle_.store(true, std::memory_order_release);
      hooks_.post(CommittedInput{batch.sequence, batch.sweep > 0});
      return;
    }
    if (result.error().code != ErrorCode::store_full) {
      doubtful_ = std::move(batch);
      hooks_.post(StoreFailedInput{result.error()});
      return;  // never idle again: nothing is written any more
    }
    if (!full) hooks_.post(StoreFullInput{true});
    full = true;
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, full_disk_pause, [&] { return stopping_; })) return;
  }
}

}  // namespace coremachine::runtime
