#include "core/runtime/peers_duty.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace coremachine::runtime {
namespace {

/// So many jobs are taken over at once: the rest follows at once, and others have their turn between.
constexpr std::size_t most_at_once = 500;

}  // namespace

PeersDuty::~PeersDuty() {
  stop();
}

void PeersDuty::start() {
  setup_.peers->listen([this](Incarnation from, const std::string& message) { take(from, message); });
  thread_ = std::thread([this] { run(); });
}

void PeersDuty::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  try {
    setup_.peers->leave();
  } catch (const Failure& failure) {
    setup_.log("the others will have to find out that this machine has stopped: " + failure.error().message);
  }
}

std::vector<Peer> PeersDuty::alive() const {
  const std::lock_guard lock(mutex_);
  return alive_;
}

void PeersDuty::listen(Listener listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
  if (!listener_.take || std::exchange(had_listener_, true)) return;
  for (const auto& [from, message] : std::exchange(kept_, {})) listener_.take(from, message);
}

void PeersDuty::take(Incarnation from, const std::string& message) {
  const std::lock_guard lock(listener_mutex_);
  if (listener_.take) return listener_.take(from, message);
  if (!had_listener_ && kept_.size() < most_kept) kept_.emplace_back(from, message);
}

void PeersDuty::run() {
  ::pthread_setname_np(::pthread_self(), "cm-peers");
  std::optional<std::string> broken;
  for (;;) {
    bool more = false;
    try {
      more = look();
      if (broken) setup_.log("the store answers again");
      broken.reset();
    } catch (const Failure& failure) {
      // Whether this machine still counts is judged by the others, and by its next commit.
      if (!broken) setup_.log("the store does not answer: " + failure.error().message);
      broken = failure.error().message;
    }
    std::unique_lock lock(mutex_);
    const auto pause = more ? Milliseconds{0} : setup_.term / 5;
    if (changed_.wait_for(lock, pause, [this] { return stopped_ || fenced_; })) return;
  }
}

/// True if there is more to be taken over.
bool PeersDuty::look() {
  auto round = setup_.peers->beat(setup_.term);
  if (round.fenced) {
    setup_.fenced(Error{ErrorCode::store_failed,
                        "this machine was not heard of for too long, and another one has taken over its jobs"});
    const std::lock_guard lock(mutex_);
    fenced_ = true;
    return false;
  }
  note_alive(std::move(round.alive));
  if (first_ != round.first) setup_.is_first(*(first_ = round.first));
  if (!takes_) return false;
  if (owed_.empty()) {
    deaths_ = 0;
    owed_ = setup_.peers->take_over(setup_.kinds, most_at_once);
    if (owed_.empty()) take_suspect();
    if (owed_.empty()) return false;
    setup_.log("taking over " + std::to_string(owed_.size()) + (owed_.size() == 1 ? " job" : " jobs") +
               " of a machine that is gone");
  }
  const bool more = owed_.size() == most_at_once;
  setup_.take_up(owed_, deaths_);
  owed_.clear();
  return more;
}

/// One each time: if this machine dies of it, the next suspect is not on trial with it.
void PeersDuty::take_suspect() {
  const auto suspect = setup_.peers->take_suspect(setup_.kinds);
  if (!suspect) return;
  owed_ = {suspect->job};
  deaths_ = suspect->deaths;
  setup_.log("job " + suspect->job.str() + ": " + std::to_string(deaths_) +
             " machines in a row died while they ran it, and it came no further");
}

void PeersDuty::note_alive(std::vector<Peer> alive) {
  std::vector<Peer> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(alive_, alive);
  }
  const std::lock_guard lock(listener_mutex_);
  for (const auto& peer : before) {
    const bool still = std::any_of(alive.begin(), alive.end(),
                                   [&](const Peer& other) { return other.incarnation == peer.incarnation; });
    if (still) continue;
    setup_.log("the machine " + peer.name + " is gone");
    if (listener_.gone) listener_.gone(peer.incarnation);
  }
}

}  // namespace coremachine::runtime
