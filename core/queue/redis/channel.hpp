#pragma once

#include <atomic>
#include <functional>
#include <string>

#include <coremachine/worker/transport.hpp>

#include "core/queue/redis/link.hpp"

namespace coremachine::redis {

/// What makes all channels of a transport give up.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  void raise();
  bool is_raised() const { return raised_; }
  int fd() const { return fd_; }  ///< readable from then on

 private:
  const int fd_;
  std::atomic<bool> raised_{false};
};

/// A connection whose calls wait. One thread at a time.
class Channel {
 public:
  /// `interruption` outlives it.
  Channel(RedisAddress address, std::string name, const Interruption& interruption)
      : link_(std::move(address), std::move(name)), interruption_(interruption) {}

  /// Connects unless it is connected. True: it was made anew.
  WorkerAnswer<bool> connect();
  Link& link() { return link_; }
  /// Waits until `done`, and writes what was sent. False: it was not done by then.
  WorkerAnswer<bool> wait(const std::function<bool()>& done, Time by);
  /// Until all that was sent is answered.
  WorkerAnswer<bool> wait_for_all(Time by) {
    return wait([this] { return link_.unanswered() == 0; }, by);
  }

 private:
  WorkerFault lost() const;

  Link link_;
  const Interruption& interruption_;
};

}  // namespace coremachine::redis
