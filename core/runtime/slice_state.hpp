#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/machine/action.hpp"

namespace coremachine::runtime {

/// A slice that was handed out: which of its tasks are taken, shared by the thread that runs it and by the driver,
/// who may take back what has not started.
class SliceState {
 public:
  explicit SliceState(machine::RunSlice work) : work_(std::move(work)), range_(pack(0, work_.slice.count)) {}

  const machine::RunSlice& work() const { return work_; }

  /// The position of the next task to start; nothing if none is left.
  std::optional<std::uint32_t> claim() {
    auto range = range_.load(std::memory_order_relaxed);
    while (next(range) < end(range)) {
      if (range_.compare_exchange_weak(range, pack(next(range) + 1, end(range)), std::memory_order_acq_rel))
        return next(range);
    }
    return std::nullopt;
  }

  /// Takes back every position that was not claimed.
  std::vector<ChunkOffset> take_back() {
    auto range = range_.load(std::memory_order_relaxed);
    while (next(range) < end(range)) {
      if (!range_.compare_exchange_weak(range, pack(next(range), next(range)), std::memory_order_acq_rel)) continue;
      std::vector<ChunkOffset> offsets;
      for (auto i = next(range); i < end(range); ++i) offsets.push_back(work_.slice.offset_at(i));
      return offsets;
    }
    return {};
  }

  /// How many positions were claimed: the last of them is the one that runs, if one does.
  std::uint32_t claimed() const { return next(range_.load(std::memory_order_acquire)); }

  /// When the task that was claimed last began: to the point where somebody watches for it, else not much earlier.
  void note_began(std::chrono::steady_clock::time_point time) {
    began_.store(time.time_since_epoch().count(), std::memory_order_release);
  }
  std::optional<std::chrono::steady_clock::time_point> began() const {
    return time_of(began_.load(std::memory_order_acquire));
  }

  /// When it was last heard of, which its beginning counts for.
  void note_beat(std::chrono::steady_clock::time_point time) {
    beat_.store(time.time_since_epoch().count(), std::memory_order_release);
  }
  std::optional<std::chrono::steady_clock::time_point> last_beat() const {
    return time_of(beat_.load(std::memory_order_acquire));
  }

  // Of the driver alone.
  std::uint32_t reported = 0;  ///< positions whose outcome has come in
  std::optional<std::chrono::steady_clock::time_point> stopped_at = {};
  bool all_at_once = false;             ///< its tasks run beside each other
  std::vector<ChunkOffset> ended = {};  ///< of these, those whose outcome has come in

  /// The positions that run now.
  std::vector<std::uint32_t> running() const {
    const auto from = claimed();
    if (from == 0) return {};
    if (!all_at_once) return {from - 1};
    std::vector<std::uint32_t> positions;
    for (std::uint32_t i = 0; i < from; ++i) {
      if (std::find(ended.begin(), ended.end(), work_.slice.offset_at(i)) == ended.end()) positions.push_back(i);
    }
    return positions;
  }

  /// For tasks that end in any order, all of one thread: after `expect_all`, true for the last one.
  void expect_all() { pending_ = work_.slice.count; }
  bool one_done() { return --pending_ == 0; }

  std::atomic<bool>& cancelled() { return cancelled_; }
  bool started() const { return next(range_.load(std::memory_order_relaxed)) > 0; }

 private:
  static std::optional<std::chrono::steady_clock::time_point> time_of(std::chrono::steady_clock::rep ticks) {
    if (ticks == 0) return std::nullopt;
    return std::chrono::steady_clock::time_point(std::chrono::steady_clock::duration(ticks));
  }
  static std::uint64_t pack(std::uint32_t next, std::uint32_t end) { return (std::uint64_t{next} << 32U) | end; }
  static std::uint32_t next(std::uint64_t range) { return static_cast<std::uint32_t>(range >> 32U); }
  static std::uint32_t end(std::uint64_t range) { return static_cast<std::uint32_t>(range); }

  machine::RunSlice work_;
  std::atomic<std::uint64_t> range_;
  std::atomic<bool> cancelled_{false};
  std::uint32_t pending_ = 0;
  std::atomic<std::chrono::steady_clock::rep> began_{0};
  std::atomic<std::chrono::steady_clock::rep> beat_{0};
};

}  // namespace coremachine::runtime
