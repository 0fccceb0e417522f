#include "triggers/http/api/readers.hpp"

#include <utility>

namespace coremachine::http {

Readers::Readers(unsigned threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Readers::~Readers() {
  stop();
}

bool Readers::run(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || work_.size() >= most_waiting_) return false;
  work_.push_back(std::move(work));
  changed_.notify_one();
  return true;
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
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !work_.empty(); });
    if (work_.empty()) return;
    auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
}

}  // namespace coremachine::http
