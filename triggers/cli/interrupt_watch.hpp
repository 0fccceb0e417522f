#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace coremachine::cli {

/// Waits for SIGINT and SIGTERM on a thread of its own: the first one calls what was asked for, the second ends the
/// program, and so does the first while nothing was asked for. Made before other threads, so that none of them takes
/// the signal.
class InterruptWatch {
 public:
  /// `ask` as for first_time, from the beginning.
  explicit InterruptWatch(std::function<void()> ask = {});
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// `ask` is called on the thread of the watch. It must not block: it is all that stands before the next signal.
  void first_time(std::function<void()> ask);
  bool interrupted() const { return seen_; }

 private:
  void watch();

  sigset_t signals_{};
  std::atomic<bool> seen_{false};
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::function<void()> ask_;
  std::thread thread_;
};

}  // namespace coremachine::cli
