#include "triggers/http/api/pending_wait.hpp"

#include <utility>

namespace coremachine::http {

std::shared_ptr<PendingWait> PendingWait::enter(Api& api, const std::shared_ptr<Call>& call, Milliseconds at_most) {
  auto wait = std::make_shared<PendingWait>();
  auto seat = api.waiting().enter(at_most, [wait] { wait->give_up(); });
  if (!seat) {
    call->refuse(Error{ErrorCode::overloaded, "too many requests wait already; come again, or do not wait"});
    return nullptr;
  }
  {
    const std::lock_guard lock(wait->mutex_);
    wait->seat_ = std::move(seat);
  }
  call->on_gone([wait] {
    {
      const std::lock_guard lock(wait->mutex_);
      wait->gone_ = true;
    }
    wait->leave();
    wait->give_up();
  });
  return wait;
}

void PendingWait::begin(Waiting waiting) {
  {
    const std::lock_guard lock(mutex_);
    if (!given_up_) {
      waiting_ = std::move(waiting);
      return;
    }
  }
  waiting.give_up();
}

void PendingWait::give_up() {
  std::optional<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
    waiting = std::exchange(waiting_, std::nullopt);
  }
  if (waiting) waiting->give_up();
}

void PendingWait::leave() {
  std::shared_ptr<WaitingRoom::Seat> seat;
  const std::lock_guard lock(mutex_);
  seat = std::move(seat_);
}

bool PendingWait::client_is_gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

}  // namespace coremachine::http
