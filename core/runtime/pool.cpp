#include "core/runtime/pool.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace coremachine::runtime {
namespace {

/// Whose the calling thread is, between two pieces of authors' code.
thread_local const Pool* pool_of_thread = nullptr;
thread_local bool write_is_next = false;

/// Threads beyond those with permits: to drive the engine and to write while all others are in authors' code.
constexpr std::size_t spare_threads = 2;
/// Boundaries and slices that never return may be replaced so often before the pool refuses to grow.
constexpr std::size_t max_abandoned = 64;
/// To wake a thread takes a good part of this; for less work that waits it is not worth it.
constexpr std::chrono::microseconds worth_a_thread{500};
/// How long something may be left to threads that do not come to it.
constexpr std::chrono::milliseconds patience{1};
/// What came of so many pieces may wait for that of the next.
constexpr std::size_t most_untold = 16;
/// After so many boundaries that close a stage one of the others is taken.
constexpr std::size_t most_closes = 16;
/// After so many looks in which nothing was left to anybody there is no lookout any more.
constexpr unsigned calm_looks = 20;

bool closes_a_stage(const machine::RunBoundary& boundary) {
  return boundary.call->boundary.kind == BoundaryKind::close;
}

}  // namespace

bool Pool::inside() const {
  return pool_of_thread == this;
}

Pool::Pool(unsigned slots, unsigned handlers, RunningRecord& record, Work work)
    : slots_(slots), handlers_(std::max(1U, handlers)), record_(record), work_(std::move(work)) {}

Pool::~Pool() {
  stop();
}

void Pool::add(std::vector<machine::RunBoundary> boundaries, std::vector<std::shared_ptr<SliceState>> slices) {
  Woken woken;
  {
    const std::lock_guard lock(mutex_);
    for (auto& boundary : boundaries) {
      auto before = boundaries_.end();
      if (closes_a_stage(boundary)) before = std::partition_point(boundaries_.begin(), before, closes_a_stage);
      boundaries_.insert(before, std::move(boundary));
    }
    for (auto& slice : slices) slices_.push_back(std::move(slice));
    auto count = runnable();
    // This thread takes one itself when it comes back, unless it has a batch to write first.
    if (inside() && !write_is_next && count > 0) --count;
    woken = wake(worth_waking(count));
  }
  notify(woken);
}

std::size_t Pool::runnable() const {
  const auto free_handlers =
      handlers_ + abandoned_.size() - std::min(boundaries_running_, handlers_ + abandoned_.size());
  const auto all_slots = slots_ + abandoned_slices_.size();
  const auto free_slots = all_slots - std::min(slices_running_, all_slots);
  return std::min(boundaries_.size(), free_handlers) + std::min(slices_.size(), free_slots);
}

/// This thread may be the last that comes to it: another one is to look out.
Pool::Woken Pool::leave_rest() {
  if (runnable() > 0) return wake(worth_waking(1));
  if (untold_ == 0 && !drive_wanted_) return {};
  left_ = true;
  return has_lookout_ ? Woken{} : wake(1);
}

/// Threads that come soon to what waits: not those in something long.
std::size_t Pool::at_hand() const {
  auto busy = writing_ + (has_to_write() ? 1 : 0);
  busy += slice_takes_ >= worth_a_thread ? slices_running_ : abandoned_slices_.size();
  busy += boundary_takes_ >= worth_a_thread ? boundaries_running_ : abandoned_.size();
  const auto awake = threads_.size() - resting_.size();
  return awake - std::min(awake, busy);
}

std::size_t Pool::worth_waking(std::size_t count) {
  if (count == 0) return 0;
  const auto waits = slices_.size() * slice_takes_ + boundaries_.size() * boundary_takes_;
  const auto worth = 1 + static_cast<std::size_t>(waits / worth_a_thread);
  const auto woken = std::min(count, worth - std::min(worth, at_hand()));
  if (woken == count) return count;
  left_ = true;
  return has_lookout_ ? woken : woken + 1;
}

void Pool::wake_driver() {
  Woken woken;
  {
    const std::lock_guard lock(mutex_);
    drive_wanted_ = true;
    woken = wake(worth_waking(1));
  }
  notify(woken);
}

Pool::Woken Pool::wake(std::size_t count) {
  Woken woken;
  for (; count > 0 && !resting_.empty(); --count) {
    woken.push_back(resting_.back());
    resting_.pop_back();
    woken.back()->woken = true;
  }
  const auto most = slots_ + handlers_ + abandoned_.size() + abandoned_slices_.size() + spare_threads;
  for (; count > 0 && threads_.size() < most && !stopping_; --count) {
    auto& bed = beds_.emplace_back();
    threads_.emplace_back([this, &bed] {
      ::pthread_setname_np(::pthread_self(), "cm-pool");
      pool_of_thread = this;
      auto* slot = record_.acquire();
      work(*slot, bed);
      record_.release(slot);
    });
  }
  return woken;
}

void Pool::notify(const Woken& woken) {
  for (auto* bed : woken) bed->ready.notify_one();
}

bool Pool::withdraw(machine::SliceId slice) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(slices_.begin(), slices_.end(), [&](const auto& queued) { return queued->work().id == slice; });
  if (found == slices_.end()) return false;
  slices_.erase(found);
  return true;
}

bool Pool::withdraw(JobId job, BoundaryNumber boundary) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const auto& queued) {
    return queued.call->job == job && queued.call->boundary.number == boundary;
  };
  return std::erase_if(boundaries_, same) > 0;
}

bool Pool::writes_next() {
  if (!inside()) return false;
  const std::lock_guard lock(mutex_);
  write_is_next = !can_run_boundary() && !can_run_slice();
  return write_is_next;
}

bool Pool::has_to_write() const {
  return inside() && write_is_next;
}

Pool::Room Pool::room(Pace slice_pace, Pace boundary_pace) {
  const std::lock_guard lock(mutex_);
  slice_takes_ = slice_pace.takes;
  boundary_takes_ = boundary_pace.takes;
  const auto threads = slots_ + abandoned_slices_.size();
  const auto slices = threads + slice_pace.ahead;
  const auto has_slices = slices_.size() + slices_running_;
  const auto boundaries = handlers_ + abandoned_.size() + boundary_pace.ahead;
  const auto has_boundaries = boundaries_.size() + boundaries_running_;
  return {slices - std::min(slices, has_slices), threads - std::min(threads, has_slices),
          boundaries - std::min(boundaries, has_boundaries)};
}

void Pool::boundary_abandoned(JobId job, BoundaryNumber boundary) {
  const std::lock_guard lock(mutex_);
  const std::pair name{job, boundary};
  if (!in_handlers_.contains(name) || abandoned_.size() >= max_abandoned) return;
  abandoned_.insert(name);
  if (can_run_boundary()) notify(wake(1));
}

bool Pool::slice_abandoned(machine::SliceId slice) {
  const std::lock_guard lock(mutex_);
  if (!in_slices_.contains(slice)) return true;
  if (abandoned_slices_.size() >= max_abandoned) return false;
  abandoned_slices_.insert(slice);
  notify(wake(1));
  return true;
}

void Pool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    boundaries_.clear();
    slices_.clear();
    notify(wake(resting_.size()));
  }
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Pool::work(RunningRecord::Slot& slot, Bed& bed) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (std::exchange(write_is_next, false)) {
      ++writing_;
      lock.unlock();
      work_.write();
      lock.lock();
      --writing_;
    } else if (drive_wanted_) {
      drive_wanted_ = false;
      ++drives_begun_;
      lock.unlock();
      work_.drive();
      lock.lock();
    } else if (can_run_boundary() && !(slices_next_ && can_run_slice())) {
      auto boundary = next_boundary();
      ++boundaries_running_;
      ++boundaries_begun_;
      const std::pair name{boundary.call->job, boundary.call->boundary.number};
      in_handlers_.insert(name);
      auto woken = leave_rest();
      lock.unlock();
      notify(woken);
      pool_of_thread = nullptr;  // what authors' code asks of the machine is done by others: this thread is theirs
      auto decided = work_.run_boundary(boundary, slot);
      pool_of_thread = this;
      lock.lock();
      --boundaries_running_;
      in_handlers_.erase(name);
      abandoned_.erase(name);
      woken = can_run_boundary() ? wake(worth_waking(1)) : Woken{};
      if (tell(lock, std::move(decided), boundary_takes_, woken)) slices_next_ = true;
    } else if (can_run_slice()) {
      auto slice = std::move(slices_.front());
      slices_.pop_front();
      ++slices_running_;
      ++slices_begun_;
      in_slices_.insert(slice->work().id);
      auto woken = leave_rest();
      lock.unlock();
      notify(woken);
      pool_of_thread = nullptr;
      auto report = work_.run_slice(*slice, slot);
      pool_of_thread = this;
      const auto id = slice->work().id;
      slice.reset();
      lock.lock();
      --slices_running_;
      in_slices_.erase(id);
      abandoned_slices_.erase(id);
      woken = can_run_slice() ? wake(worth_waking(1)) : Woken{};
      if (tell(lock, std::move(report), slice_takes_, woken)) slices_next_ = false;
    } else if (untold_ > 0) {
      tell(lock, TickInput{}, worth_a_thread, {});
    } else if (stopping_) {
      return;
    } else {
      rest(lock, bed);
    }
  }
}

/// Stages are closed before others are opened, though not for ever: a job may loop.
machine::RunBoundary Pool::next_boundary() {
  auto next = boundaries_.begin();
  if (closes_in_a_row_ >= most_closes) {
    const auto other = std::partition_point(next, boundaries_.end(), closes_a_stage);
    if (other != boundaries_.end()) next = other;
  }
  closes_in_a_row_ = closes_a_stage(*next) ? closes_in_a_row_ + 1 : 0;
  auto boundary = std::move(*next);
  boundaries_.erase(next);
  return boundary;
}

/// The engine takes what came of several quick pieces at a time. True if it has been told now.
bool Pool::tell(std::unique_lock<std::mutex>& lock, Input input, std::chrono::nanoseconds takes, const Woken& woken) {
  const bool later = runnable() > 0 && untold_ < most_untold && takes * most_untold < worth_a_thread;
  if (!later) untold_ = 0;
  lock.unlock();
  notify(woken);
  (later ? work_.put : work_.post)(std::move(input));
  lock.lock();
  if (later) ++untold_;  // only now: who sees it tells what is there
  return !later;
}

/// Until it is woken or needed.
void Pool::rest(std::unique_lock<std::mutex>& lock, Bed& bed) {
  bed.woken = false;
  resting_.push_back(&bed);
  if (left_ && !has_lookout_) {
    has_lookout_ = true;
    look_out(lock, bed);
    has_lookout_ = false;
  } else {
    bed.ready.wait(lock, [&] { return bed.woken; });
  }
  if (!bed.woken) std::erase(resting_, &bed);
}

/// Those to whom something was left may be stuck in authors' code: then this thread is needed. Ends, too, when it is
/// woken, or nothing is left to anybody any more.
void Pool::look_out(std::unique_lock<std::mutex>& lock, Bed& bed) {
  for (unsigned calm = 0; calm < calm_looks; ++calm) {
    if (std::exchange(left_, false)) calm = 0;
    const auto slices = slices_begun_;
    const auto boundaries = boundaries_begun_;
    const auto drives = drives_begun_;
    if (bed.ready.wait_for(lock, patience, [&] { return bed.woken; })) return;
    const bool slice_is_late = can_run_slice() && slices_begun_ == slices;
    const bool boundary_is_late = (can_run_boundary() || untold_ > 0) && boundaries_begun_ == boundaries;
    const bool drive_is_late = drive_wanted_ && drives_begun_ == drives;
    if (slice_is_late) slices_next_ = true;
    if (slice_is_late || boundary_is_late || drive_is_late) return;
  }
}

}  // namespace coremachine::runtime
