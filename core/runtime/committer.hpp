#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "core/ports/store.hpp"
#include "core/runtime/input.hpp"

namespace coremachine::runtime {

/// Writes batches: one at a time, each one transaction and one sync, while the next one gathers. It has a thread for
/// that; another that has nothing better to do may write in its place.
class Committer {
 public:
  struct Hooks {
    std::function<void(Input)> post;
    std::function<void(std::string_view)> fault_point;  ///< may be empty
    /// Called on the thread that wrote it, before that is told to anyone; may be empty.
    std::function<void(std::chrono::nanoseconds took, const Batch&)> written = {};
  };
  Committer(Store& store, Hooks hooks);
  ~Committer();

  /// Neither a batch is being written nor waits to be.
  bool idle() const { return idle_.load(std::memory_order_acquire); }
  /// Takes a batch; only when idle. `here`: the caller goes on to `write_given`.
  void give(Batch batch, bool here = false);
  /// Writes what was given, unless that was begun elsewhere.
  void write_given();
  /// A batch is likely to be given in a moment: posts a TickInput if none came until `limit`.
  void expect(std::chrono::steady_clock::time_point limit);
  /// Typical time from `give` to durable, for those who weigh waiting against it.
  std::chrono::nanoseconds typical() const {
    return std::chrono::nanoseconds{typical_ns_.load(std::memory_order_relaxed)};
  }
  /// Ends the thread when it has written what it was given.
  void stop();

 private:
  void run();
  void write(Batch batch);

  Store& store_;
  const Hooks hooks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Batch> given_;
  std::optional<Batch> doubtful_;  ///< may be on the disk or not; what it names is kept, in case it is
  std::optional<std::chrono::steady_clock::time_point> expected_;
  bool stopping_ = false;
  std::atomic<bool> idle_{true};
  std::atomic<std::int64_t> typical_ns_{300'000};
  std::thread thread_;
};

}  // namespace coremachine::runtime
