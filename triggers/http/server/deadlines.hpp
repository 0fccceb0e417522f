#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "triggers/http/server/server.hpp"

namespace coremachine::http {

/// What a connection is waiting for, where it may not wait for ever.
enum class Wait : std::uint8_t { none, head, body, idle, write, half_closed, linger };

/// The time limits of all connections of one thread. All that wait for the same thing may do so for the same time, so
/// each kind is a list in the order of its ends: to begin, to stop and to find what is over is one step each.
class Deadlines {
 public:
  using Clock = std::chrono::steady_clock;

  /// What a connection has of its own. Leaves the list when it goes.
  class Entry {
   public:
    Entry() = default;
    ~Entry() { leave(); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    Wait wait() const { return wait_; }
    void leave() {
      previous_->next_ = next_;
      next_->previous_ = previous_;
      previous_ = next_ = this;
      wait_ = Wait::none;
    }

   private:
    friend class Deadlines;
    Entry* previous_ = this;
    Entry* next_ = this;
    Clock::time_point end_{};
    Wait wait_ = Wait::none;
  };

  explicit Deadlines(const ServerLimits& limits)
      : limits_{std::chrono::milliseconds{}, limits.head,  limits.body, limits.idle, limits.write,
                limits.half_closed,          limits.linger} {}

  /// From now on it waits for that, anew if it did before, and until then.
  std::optional<Clock::time_point> begin(Entry& entry, Wait wait) {
    entry.leave();
    if (wait == Wait::none) return std::nullopt;
    auto& list = lists_[static_cast<std::size_t>(wait)];
    entry.wait_ = wait;
    entry.end_ = Clock::now() + limit(wait);
    entry.previous_ = list.previous_;
    entry.next_ = &list;
    list.previous_->next_ = &entry;
    list.previous_ = &entry;
    return entry.end_;
  }

  std::chrono::milliseconds limit(Wait wait) const { return limits_[static_cast<std::size_t>(wait)]; }

  /// The earliest end.
  std::optional<Clock::time_point> next() const {
    std::optional<Clock::time_point> earliest;
    for (const auto& list : lists_) {
      if (list.next_ != &list && (!earliest || list.next_->end_ < *earliest)) earliest = list.next_->end_;
    }
    return earliest;
  }

  /// One that is over, or null. It stays until its owner begins or leaves.
  Entry* over(Clock::time_point now) const {
    for (const auto& list : lists_) {
      if (list.next_ != &list && list.next_->end_ <= now) return list.next_;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t kinds = 7;
  std::array<std::chrono::milliseconds, kinds> limits_;
  std::array<Entry, kinds> lists_{};
};

}  // namespace coremachine::http
