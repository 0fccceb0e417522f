#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include <coremachine/model/time.hpp>

namespace coremachine::postgres {

/// How often something is tried that a lost connection or another's work kept from being done: at once, then after
/// pauses that grow, until patience is used up.
class Attempts {
 public:
  explicit Attempts(Milliseconds patience) : end_(std::chrono::steady_clock::now() + patience) {}

  /// Waits before the next attempt; false: there is none any more.
  bool again() {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end_) return false;
    if (pause_.count() > 0) std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(pause_, end_ - now));
    constexpr Milliseconds shortest{10}, longest{1000};
    pause_ = std::clamp(pause_ * 2, shortest, longest);
    return true;
  }

 private:
  std::chrono::steady_clock::time_point end_;
  Milliseconds pause_{0};
};

}  // namespace coremachine::postgres
