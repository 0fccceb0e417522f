#include "triggers/http/api/outbox.hpp"

#include <exception>
#include <utility>

#include <pthread.h>

#include "triggers/http/api/peer_message.hpp"

namespace coremachine::http {

Outbox::Outbox(PeerLink& link, Room room) : link_(link), room_(room), thread_([this] { serve(); }) {}

Outbox::~Outbox() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = ended_ = true;
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
  if (!given_up_) take(std::move(message));
}

/// With the mutex held.
void Outbox::take(Message message) {
  bytes_ += message.text.size();
  messages_.push_back(std::move(message));
  changed_.notify_all();
}

void Outbox::close(Milliseconds at_most) {
  std::deque<Message> dropped;  // what they hold goes outside of the lock
  std::unique_lock lock(mutex_);
  closed_ = true;
  if (changed_.wait_for(lock, at_most, [this] { return messages_.empty() && !sending_; })) return;
  given_up_ = true;
  dropped.swap(messages_);
  bytes_ = 0;
  lock.unlock();
}

void Outbox::serve() {
  ::pthread_setname_np(::pthread_self(), "cm-outbox");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ended_ || !messages_.empty(); });
    if (messages_.empty()) return;
    auto message = std::move(messages_.front());
    messages_.pop_front();
    bytes_ -= message.text.size();
    sending_ = true;
    lock.unlock();
    send(message);
    message = {};  // what it holds goes before the lock is taken
    lock.lock();
    sending_ = false;
    if (messages_.empty()) changed_.notify_all();
  }
}

void Outbox::send(const Message& message) {
  try {
    if (message.is_wanted && !message.is_wanted()) return;
    if (!deliver(message) && message.lost) message.lost();
  } catch (const std::exception&) {
    // Whoever waits for it finds out by itself that nothing comes.
  }
}

/// False: the peer, or this server, is about to be replaced; or it is a message that the store does not take.
bool Outbox::deliver(const Message& message) {
  try {
    link_.send(message.to, numbered(message.text, ++last_number_));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace coremachine::http
