#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "core/runtime/input.hpp"
#include "core/runtime/running_record.hpp"
#include "core/runtime/slice_state.hpp"

namespace coremachine::runtime {

/// The threads that run authors' code, and the engine between. Any thread runs tasks, job handlers or the engine, so
/// that a small job goes from one to the next without waking another; permits bound how many do which at a time.
/// Threads are made when they are first needed.
///
/// Once the engine has been told what came of some boundaries, slices go first, and the other way round; and stages are
/// closed before others are opened. So of a crowd of small jobs the first are over, and written once, while the last
/// have not begun, and neither slices nor boundaries wait for ever.
class Pool {
 public:
  struct Work {
    std::function<Input(const machine::RunBoundary&, RunningRecord::Slot&)> run_boundary;
    std::function<Input(SliceState&, RunningRecord::Slot&)> run_slice;
    std::function<void(Input)> post;  ///< may drive the engine on this thread
    std::function<void(Input)> put;   ///< does not: another post follows
    std::function<void()> drive;
    std::function<void()> write;  ///< the batch that was given to be written on this thread
  };

  Pool(unsigned slots, unsigned handlers, RunningRecord& record, Work work);
  ~Pool();

  void add(std::vector<machine::RunBoundary> boundaries, std::vector<std::shared_ptr<SliceState>> slices);
  /// A thread is to call `drive`: one that is awake and soon done with what it does, or one that is woken.
  void wake_driver();
  /// Takes a slice out of the queue; false if it runs already.
  bool withdraw(machine::SliceId slice);

  /// The same for a boundary.
  bool withdraw(JobId job, BoundaryNumber boundary);

  /// How long a slice or a boundary typically takes, and how many may be queued beyond what can run at once.
  struct Pace {
    std::chrono::nanoseconds takes{};
    std::size_t ahead = 0;
  };
  /// How much more may be added.
  struct Room {
    std::size_t slices = 0;
    std::size_t free_threads = 0;  ///< for slices that need not wait; no more than `slices`
    std::size_t boundaries = 0;
  };
  /// From now on, what a thread that is awake does sooner than another is woken is left to it.
  Room room(Pace slices, Pace boundaries);

  /// Whether this thread will call `write` next: it is one of the pool's, and the pool has nothing else to do.
  bool writes_next();
  /// That was said, and it has not come to it yet.
  bool has_to_write() const;

  /// The author's code of a boundary or a slice does not come back: another takes its place until it does.
  void boundary_abandoned(JobId job, BoundaryNumber boundary);
  /// False if as many as may be are abandoned already. If it has come back after all there is nothing to replace.
  bool slice_abandoned(machine::SliceId slice);

  /// Waits for what runs, and ends the threads; what is queued is dropped.
  void stop();

  /// Whether the calling thread is one of this pool's, between two pieces of authors' code.
  bool inside() const;

 private:
  /// A thread's place to rest. It is there as long as the pool.
  struct Bed {
    std::condition_variable ready;
    bool woken = false;
  };
  /// To be notified when the lock is given up that they need first of all.
  using Woken = std::vector<Bed*>;
  static void notify(const Woken& woken);

  void work(RunningRecord::Slot& slot, Bed& bed);
  /// Chooses those to wake, the last that went to rest first, as its caches are warm; makes threads where none rests.
  Woken wake(std::size_t count);
  std::size_t runnable() const;
  /// Of so many threads that would have something to do: those that are worth waking. To wake one costs more than to
  /// leave little work to threads that are awake and in nothing long. If some is left so, one of those woken, or one
  /// that comes to rest, looks out for threads that do not come to it after all.
  std::size_t worth_waking(std::size_t count);
  std::size_t at_hand() const;
  Woken leave_rest();
  machine::RunBoundary next_boundary();
  bool tell(std::unique_lock<std::mutex>& lock, Input input, std::chrono::nanoseconds takes, const Woken& woken);
  void rest(std::unique_lock<std::mutex>& lock, Bed& bed);
  void look_out(std::unique_lock<std::mutex>& lock, Bed& bed);
  bool can_run_boundary() const { return !boundaries_.empty() && boundaries_running_ < handlers_ + abandoned_.size(); }
  bool can_run_slice() const { return !slices_.empty() && slices_running_ < slots_ + abandoned_slices_.size(); }

  const std::size_t slots_;
  const std::size_t handlers_;
  RunningRecord& record_;
  const Work work_;

  mutable std::mutex mutex_;
  std::vector<std::thread> threads_;
  std::deque<Bed> beds_;
  std::vector<Bed*> resting_;                    ///< in the order in which they went to rest
  std::deque<machine::RunBoundary> boundaries_;  ///< those that close a stage first
  std::deque<std::shared_ptr<SliceState>> slices_;
  std::size_t boundaries_running_ = 0;
  std::size_t slices_running_ = 0;
  std::set<std::pair<JobId, BoundaryNumber>> in_handlers_;  ///< boundaries that run
  std::set<std::pair<JobId, BoundaryNumber>> abandoned_;    ///< of these
  std::set<machine::SliceId> in_slices_;                    ///< slices that run
  std::set<machine::SliceId> abandoned_slices_;             ///< of these
  std::chrono::nanoseconds slice_takes_ = std::chrono::milliseconds{1};
  std::chrono::nanoseconds boundary_takes_ = std::chrono::milliseconds{1};
  std::uint64_t slices_begun_ = 0;
  std::uint64_t boundaries_begun_ = 0;
  std::uint64_t drives_begun_ = 0;
  std::size_t writing_ = 0;  ///< threads that write a batch
  std::size_t closes_in_a_row_ = 0;
  bool slices_next_ = false;  ///< of slices and boundaries, these are taken
  std::size_t untold_ = 0;    ///< inputs that were put since the last post
  bool left_ = false;         ///< something to run was left to threads that are awake
  bool has_lookout_ = false;  ///< a thread that rests looks whether they come to it
  bool drive_wanted_ = false;
  bool stopping_ = false;
};

}  // namespace coremachine::runtime
