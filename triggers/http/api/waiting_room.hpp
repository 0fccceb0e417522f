#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <coremachine/model/time.hpp>

#include "triggers/http/api/timers.hpp"

namespace coremachine::http {

/// Requests that wait for something, only so many at once, each for a bounded time if it says so. None of them holds a
/// thread. Any thread may call it.
class WaitingRoom {
 public:
  /// The place of a request that waits. It leaves when it is dropped, if not before.
  class Seat {
   public:
    Seat(WaitingRoom& room, std::uint64_t number) : room_(room), number_(number) {}
    ~Seat() { leave(); }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    /// It need not wait any longer. Its `over` is not called any more, unless that has begun.
    void leave() { room_.leave(number_); }

   private:
    WaitingRoom& room_;
    const std::uint64_t number_;
  };

  /// `timers` and the room outlive all seats.
  WaitingRoom(Timers& timers, std::size_t most) : timers_(timers), most_(most) {}

  /// Calls `over` once, when the time is over or the room is emptied; the seat is left by then. Null: the room is full.
  std::shared_ptr<Seat> enter(std::optional<Milliseconds> at_most, std::function<void()> over);
  /// Nobody who is there waits any longer.
  void empty();
  /// The same, and who comes from now on has waited at once.
  void close();
  std::size_t size() const;

 private:
  struct Occupant {
    std::function<void()> over;
    std::optional<Timers::Id> timer;
  };
  void leave(std::uint64_t number);
  void time_is_over(std::uint64_t number);

  Timers& timers_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Occupant> occupants_;
  std::uint64_t last_ = 0;
  bool closed_ = false;
};

}  // namespace coremachine::http
