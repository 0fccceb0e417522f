#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/ports/store.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// Takes away artifacts that no job names any more, and outputs of jobs that will not go on: a slice at a time, on a
/// thread of its own that begins when there is an artifact store.
///
/// Artifacts of deleted jobs are looked at one by one. All of them are looked through after a start, and now and then
/// if something was stored meanwhile: an attempt that failed may have left what nobody ever named. Of several machines
/// one does so for all, and drops outputs; each looks at what its own deletions have released.
class ArtifactCollector {
 public:
  struct Setup {
    LargeValues* large = nullptr;
    Store* store = nullptr;
    /// Of several machines on one store: whether this is the one that looks through everything. Empty: it is alone.
    std::function<bool()> is_first = {};
    std::function<void(const std::string&)> log = {};
    std::function<void(std::string_view)> fault_point = {};  ///< called before and after each slice, by tests
  };
  explicit ArtifactCollector(Setup setup) : setup_(std::move(setup)) {}
  ~ArtifactCollector() { stop(); }

  /// The artifact store is open, and was opened just now. Any thread; called again it does nothing.
  void start();
  /// Deleted jobs have released artifacts. Any thread.
  void wake();
  void stop();

  /// One slice of what there is to do; how long it can rest then. For the thread, and for tests without one.
  Milliseconds work();

 private:
  void run();
  void collect_released(ArtifactStore& artifacts);
  void collect_all(ArtifactStore& artifacts);
  void drop_outputs(ArtifactStore& artifacts);
  bool will_not_go_on(JobId job);
  Collected collect(ArtifactStore& artifacts, CollectRequest request);
  bool is_shared() const { return setup_.is_first != nullptr; }

  const Setup setup_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;

  // Of the one who works.
  std::deque<ArtifactId> released_;
  bool looks_through_ = true;        ///< a look through all of them has begun, or is to begin
  std::optional<ArtifactId> after_;  ///< where it goes on
  std::uint64_t stored_before_ = 0;  ///< when the last one began
  std::chrono::steady_clock::time_point last_look_ = {};
  std::chrono::steady_clock::time_point outputs_looked_at_ = {};
  std::deque<JobId> with_outputs_;  ///< still to be looked at
  std::set<JobId> known_jobs_;      ///< with outputs, that were seen in the store or, alone, are of an earlier life
};

}  // namespace coremachine::runtime
