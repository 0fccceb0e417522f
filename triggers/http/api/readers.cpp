#include "triggers/http/api/readers.hpp"

#include <utility>

#include <pthread.h>
#include <sched.h>

#include "core/threads/wake_gathering.hpp"

namespace coremachine::http {
namespace {

/// A thread that is woken then does not push aside the one that woke it: a loop that hands out many requests hands out
/// all of them before the first is read.
void do_not_preempt() {
  sched_param none{};
  ::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &none);
}

}  // namespace

Readers::Readers(unsigned threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Readers::~Readers() {
  stop();
}

bool Readers::run(std::function<void()> work, Effort effort) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || work_.size() >= most_waiting_) return false;
    work_.push_back({std::move(work), effort});
    if (!is_one_due()) return true;
    waking_ = true;
  }
  changed_.notify_one();  // not under the lock that it needs first of all
  return true;
}

// Whoever comes wakes the next one if there is work for two: a burst costs the one who brings it a single wake-up.
bool Readers::is_one_due() const {
  return !waking_ && asleep_ > 0 && !work_.empty();
}

void Readers::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    changed_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
}

std::size_t Readers::waiting() const {
  const std::lock_guard lock(mutex_);
  return work_.size();
}

void Readers::serve() {
  ::pthread_setname_np(::pthread_self(), "cm-reader");
  do_not_preempt();
  threads::WakeGathering gathering;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (work_.empty() || work_.front().effort != Effort::brief || gathering.is_old()) {
      lock.unlock();
      gathering.turn(false);
      gathering.end();
      lock.lock();
    }
    while (!stopped_ && work_.empty()) {
      ++asleep_;
      changed_.wait(lock);
      --asleep_;
      waking_ = false;
    }
    if (work_.empty()) return;
    auto work = std::move(work_.front());
    work_.pop_front();
    const bool wakes = is_one_due();
    if (wakes) waking_ = true;
    lock.unlock();
    if (wakes) changed_.notify_one();
    gathering.turn(work.effort == Effort::brief);
    work.function();
    work.function = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
}

}  // namespace coremachine::http
