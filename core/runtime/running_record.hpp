#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/machine/engine.hpp"

namespace coremachine::runtime {

/// What runs at this moment, in a small mapped file, so that the next process learns what ran when this one died.
/// Kept by the kernel when the process dies in any way; a crash of the machine itself may lose it, which costs nothing
/// but the knowledge.
class RunningRecord {
 public:
  /// One place for one thread or coroutine. Written by its owner alone, between tasks with plain stores.
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> state{0};  ///< 0: nothing; bit 0: in use, bit 1: a boundary, bit 2: alone
    std::uint64_t job_high = 0;
    std::uint64_t job_low = 0;
    std::uint64_t round = 0;
    std::atomic<std::uint64_t> index{0};

    void note(JobId job, RoundNumber of_round, bool boundary, bool alone) {
      job_high = job.high;
      job_low = job.low;
      round = of_round;
      state.store(1U | (boundary ? 2U : 0U) | (alone ? 4U : 0U), std::memory_order_release);
    }
    void at(TaskIndex task) { index.store(task, std::memory_order_relaxed); }
    void clear() { state.store(0, std::memory_order_release); }
  };

  /// With an empty path it is kept nowhere. Throws Failure if the file cannot be made.
  explicit RunningRecord(const std::string& path);
  ~RunningRecord();
  RunningRecord(const RunningRecord&) = delete;
  RunningRecord& operator=(const RunningRecord&) = delete;

  /// What the last process left behind.
  const std::vector<machine::Suspect>& suspects() const { return suspects_; }

  /// A free slot, or one that is shared and not recorded when all are taken.
  Slot* acquire();
  void release(Slot* slot);

 private:
  static constexpr std::size_t slot_count = 1024;
  void read_suspects();

  Slot* slots_ = nullptr;
  int file_ = -1;
  std::vector<machine::Suspect> suspects_;
  std::mutex mutex_;
  std::vector<Slot*> free_;
  std::unique_ptr<Slot[]> own_;
};

}  // namespace coremachine::runtime
