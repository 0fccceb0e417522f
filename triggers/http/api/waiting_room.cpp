#include "triggers/http/api/waiting_room.hpp"

#include <utility>

namespace coremachine::http {

std::shared_ptr<WaitingRoom::Seat> WaitingRoom::enter(std::optional<Milliseconds> at_most, std::function<void()> over) {
  const std::lock_guard lock(mutex_);
  if (occupants_.size() >= most_) return nullptr;
  const auto number = ++last_;
  if (closed_) at_most = Milliseconds{0};
  auto& occupant = occupants_.emplace(number, Occupant{std::move(over), std::nullopt}).first->second;
  if (at_most) occupant.timer = timers_.after(*at_most, [this, number] { time_is_over(number); });
  return std::make_shared<Seat>(*this, number);
}

void WaitingRoom::leave(std::uint64_t number) {
  Occupant gone;  // what it holds goes outside of the lock
  {
    const std::lock_guard lock(mutex_);
    const auto at = occupants_.find(number);
    if (at == occupants_.end()) return;
    gone = std::move(at->second);
    occupants_.erase(at);
  }
  if (gone.timer) timers_.cancel(*gone.timer);
}

void WaitingRoom::time_is_over(std::uint64_t number) {
  std::function<void()> over;
  {
    const std::lock_guard lock(mutex_);
    const auto at = occupants_.find(number);
    if (at == occupants_.end()) return;
    over = std::move(at->second.over);
    occupants_.erase(at);
  }
  over();
}

void WaitingRoom::empty() {
  std::map<std::uint64_t, Occupant> all;
  {
    const std::lock_guard lock(mutex_);
    all = std::move(occupants_);
    occupants_.clear();
  }
  for (auto& [number, occupant] : all) {
    if (occupant.timer) timers_.cancel(*occupant.timer);
    occupant.over();
  }
}

void WaitingRoom::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  empty();
}

std::size_t WaitingRoom::size() const {
  const std::lock_guard lock(mutex_);
  return occupants_.size();
}

}  // namespace coremachine::http
