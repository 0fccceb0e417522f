#include "triggers/http/api/outbox.hpp"

#include <exception>
#include <utility>

namespace coremachine::http {

Outbox::Outbox(PeerLink& link, Room room) : link_(link), room_(room), thread_([this] { serve(); }) {}

Outbox::~Outbox() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

bool Outbox::offer(Message message) {
  const std::lock_guard lock(mutex_);
  const bool fits = messages_.size() < room_.messages && bytes_ + message.text.size() <= room_.bytes;
  // One that is larger than all the room there is goes when nothing else is there.
  if (closed_ || !(fits || messages_.empty())) return false;
  take(std::move(message));
  return true;
}

void Outbox::put(Message message) {
  const std::lock_guard lock(mutex_);
  if (!done_ && !given_up_) take(std::move(message));
}

/// With the mutex held.
void Outbox::take(Message message) {
  bytes_ += message.text.size();
  messages_.push_back(std::move(message));
  changed_.notify_all();
}

void Outbox::close(Milliseconds at_most) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, at_most, [this] { return done_; });
  given_up_ = true;
}

void Outbox::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !messages_.empty(); });
    if (messages_.empty() || given_up_) break;
    auto message = std::move(messages_.front());
    messages_.pop_front();
    bytes_ -= message.text.size();
    lock.unlock();
    send(message);
    message = {};  // what it holds goes before the lock is taken
    lock.lock();
  }
  done_ = true;
  auto dropped = std::exchange(messages_, {});
  changed_.notify_all();
  lock.unlock();
}

void Outbox::send(const Message& message) {
  if (message.is_wanted && !message.is_wanted()) return;
  try {
    return link_.send(message.to, message.text);
  } catch (const std::exception&) {
    // The peer, or this server, is about to be replaced; or it is a message that the store does not take.
  }
  if (message.lost) message.lost();
}

}  // namespace coremachine::http
