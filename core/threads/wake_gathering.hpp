#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace coremachine::threads {

/// While it is on, what its thread says to the loops of a server wakes none of them: they are woken together at the next
/// `end`. For a thread that answers many requests one after the other: a loop that is woken by the first may take the
/// processor from the thread that is about to tell it of the second. One at most on a thread; off at first.
class WakeGathering {
 public:
  WakeGathering() = default;
  ~WakeGathering() {
    if (current_ == this) turn(false);
    end();
  }
  WakeGathering(const WakeGathering&) = delete;
  WakeGathering& operator=(const WakeGathering&) = delete;

  void turn(bool on) { current_ = on ? this : nullptr; }
  /// Wakes those that are to be woken; a next round begins.
  void end() {
    for (const auto& wake : std::exchange(wakes_, {})) wake();
  }
  /// Somebody has waited so long that it should end.
  bool is_old() const { return !wakes_.empty() && std::chrono::steady_clock::now() - since_ > longest; }

  /// The calling thread's, or null.
  static WakeGathering* current() { return current_; }
  void add(std::function<void()> wake) {
    if (wakes_.empty()) since_ = std::chrono::steady_clock::now();
    wakes_.push_back(std::move(wake));
  }

 private:
  static constexpr std::chrono::microseconds longest{100};
  inline static thread_local WakeGathering* current_ = nullptr;

  std::vector<std::function<void()>> wakes_ = {};
  std::chrono::steady_clock::time_point since_ = {};
};

}  // namespace coremachine::threads
