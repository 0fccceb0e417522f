#include <utility>

#include "core/runtime/schedule_duty.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {

void Shell::note_drained() {
  const bool done = engine_->idle() && (failed_ || (!engine_->has_writes() && committer_->idle()));
  if (!done) return;
  const std::lock_guard lock(drain_mutex_);
  drained_ = true;
  drain_changed_.notify_all();
}

bool Shell::wait_drained(Milliseconds at_most) {
  std::unique_lock lock(drain_mutex_);
  return drain_changed_.wait_for(lock, at_most, [this] { return drained_; });
}

void Shell::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  log_->write(all_is_well(), "the machine stops");
  schedules_->stop();
  if (peers_) peers_->take_no_more();
  drain_wanted_ = true;
  post(DrainInput{});
  if (!wait_drained(setup_.options.drain_limit)) {
    log_->warn("what still runs after the drain limit is told to end");
    post(StopAllInput{});
    wait_drained(setup_.options.grace);
  }
  {
    const std::lock_guard inbox(inbox_mutex_);
    refuses_requests_ = true;
  }
  io_->stop();
  pool_->stop();  // a handler that does not return is waited for: a thread cannot be ended from outside
  pool_gone_ = true;
  enqueue_and_drive(TickInput{}, Role::pool);  // what came in last
  if (!failed_) wait_drained(setup_.options.drain_limit);
  committer_->stop();
  collector_->stop();  // who has left may write nothing any more
  if (peers_) peers_->stop();
  for (auto& [request, kept] : std::exchange(requests_, {})) {
    machine::Answer answer;
    answer.request = request;
    answer.error = Error{ErrorCode::draining, "the machine has stopped"};
    kept.then(std::move(answer));
  }
  uploads_.clear();
  large_values_.close();
  const std::unique_lock readers_gone(store_mutex_);
  setup_.store.reset();
  log_->write(all_is_well(), "the machine has stopped", {{"unfinished_jobs", engine_->live_jobs()}});
}

}  // namespace coremachine::runtime
