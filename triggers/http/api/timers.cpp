#include "triggers/http/api/timers.hpp"

#include <exception>
#include <utility>

#include <pthread.h>

namespace coremachine::http {

Timers::Timers() : thread_([this] { serve(); }) {}

Timers::~Timers() {
  stop();
}

void Timers::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    changed_.notify_one();
  }
  thread_.join();
}

Timers::Id Timers::after(std::chrono::milliseconds delay, std::function<void()> then) {
  const std::lock_guard lock(mutex_);
  const Id id{Clock::now() + delay, ++last_};
  const bool is_first = due_.empty() || id < due_.begin()->first;
  due_.emplace(id, std::move(then));
  if (is_first) changed_.notify_one();
  return id;
}

void Timers::cancel(const Id& id) {
  std::function<void()> dropped;  // what it holds goes outside of the lock
  const std::lock_guard lock(mutex_);
  if (const auto at = due_.find(id); at != due_.end()) {
    dropped = std::move(at->second);
    due_.erase(at);
  }
}

void Timers::serve() {
  ::pthread_setname_np(::pthread_self(), "cm-timers");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = due_.begin()->first.first;
    if (Clock::now() < first) {
      changed_.wait_until(lock, first);
      continue;
    }
    auto then = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    lock.unlock();
    try {
      then();
    } catch (const std::exception&) {
      // Those who come after it are to be called all the same.
    }
    then = nullptr;
    lock.lock();
  }
}

}  // namespace coremachine::http
