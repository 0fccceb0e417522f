#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/threads/wake_gathering.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::http {

class Connection;

/// What somebody says about an exchange, on any thread, to the thread that has it.
struct Letter {
  struct Answer {
    Response response;
  };
  struct Lost {};  ///< there will be no answer
  struct Begin {
    Response head;
  };
  struct Piece {
    std::string bytes;
  };
  struct End {};
  struct BreakOff {};
  struct CutOff {};  ///< its client is too slow
  struct Run {       ///< on the thread that has it
    std::function<void()> work;
  };
  struct WhenGone {
    std::function<void()> then;
  };
  struct WhenDrained {
    std::function<void()> then;
  };
  using Content = std::variant<Answer, Lost, Begin, Piece, End, BreakOff, CutOff, Run, WhenGone, WhenDrained>;

  std::shared_ptr<Exchange> exchange;
  Content content;
};

/// Letters to one loop. Any thread puts them in; however many come, the loop is woken once.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void put(Letter letter) {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      letters_.push_back(std::move(letter));
      if (letters_.size() > 1) return;
    }
    if (auto* const gathering = threads::WakeGathering::current()) {
      gathering->add([self = shared_from_this()] {
        if (self->has_letters()) self->wake();
      });
    } else {
      wake();
    }
  }

  std::vector<Letter> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(letters_, {});
  }

  /// There is room again for the body of the request that this connection reads.
  void put_room(std::weak_ptr<Connection> connection) {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      rooms_.push_back(std::move(connection));
      if (rooms_.size() > 1) return;
    }
    wake();
  }
  std::vector<std::weak_ptr<Connection>> take_rooms() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(rooms_, {});
  }

  /// Nothing is taken any more, and nobody woken.
  void close() {
    std::vector<Letter> dropped;  // after the locks are released: what is in letters may write letters
    const std::scoped_lock lock(waking_, mutex_);
    closed_ = true;
    dropped.swap(letters_);
  }

  /// The calling thread is the one that reads these letters.
  bool is_mine() const { return reader_ == this; }
  void read_here() const { reader_ = this; }

 private:
  bool has_letters() {
    const std::scoped_lock lock(mutex_);
    return !letters_.empty();
  }
  // Not under the lock that the loop needs first of all when it is awake.
  void wake() {
    const std::scoped_lock lock(waking_);
    if (!closed_) wake_();
  }

  inline static thread_local const Mailbox* reader_ = nullptr;

  std::mutex waking_;  ///< held while the loop is woken: it does not go meanwhile
  std::mutex mutex_;
  std::function<void()> wake_;
  bool closed_ = false;  ///< written under both
  std::vector<Letter> letters_ = {};
  std::vector<std::weak_ptr<Connection>> rooms_ = {};
};

}  // namespace coremachine::http
