#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace coremachine::http {

/// Calls functions later, on a thread of its own, which they must not block; what they throw is lost. Any thread may
/// call it.
class Timers {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::pair<Clock::time_point, std::uint64_t>;

  Timers();
  /// Stops.
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  Id after(std::chrono::milliseconds delay, std::function<void()> then);
  /// It may be called at this very moment, and may so be called once this has returned.
  void cancel(const Id& id);
  /// Nothing is called any more when this returns, and never again. Not from one of the functions.
  void stop();

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Id, std::function<void()>> due_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace coremachine::http
