#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <coremachine/registry/task_handler.hpp>
#include <coremachine/runtime/remote.hpp>

namespace coremachine::worker {

using Clock = std::chrono::steady_clock;

/// What all tasks of a hand-out have in common; `tasks` of it is empty.
using Errand = std::shared_ptr<const HandOut>;

/// One attempt of a task while it runs: shared by the thread that makes it, by who watches over it, and by who tells
/// the machine of it.
class Attempt final : public Heartbeats {
 public:
  Attempt(Errand errand, RemoteTask task, Clock::time_point now)
      : errand_(std::move(errand)), task_(std::move(task)), began_(now), beat_(now.time_since_epoch().count()) {}

  const HandOut& errand() const { return *errand_; }
  const RemoteTask& task() const { return task_; }
  Clock::time_point began() const { return began_; }
  /// When its handler should have ended.
  std::optional<Clock::time_point> deadline() const {
    return errand_->timeout.count() > 0 ? std::optional(began_ + errand_->timeout) : std::nullopt;
  }

  /// Whether it is still wanted; handlers see it through their context.
  const std::atomic<bool>& cancelled() const { return cancelled_; }
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// On the thread of the handler.
  void beat(const json::value& progress) override;
  Clock::time_point last_beat() const {
    return Clock::time_point(Clock::duration(beat_.load(std::memory_order_acquire)));
  }
  /// What it said last of how far it has come; empty: nothing.
  std::string progress() const;
  /// The same if nobody took it before.
  std::optional<std::string> take_news();
  /// What was taken was not heard.
  void put_news_back();

  // Of the LeaseBook alone.
  bool is_dropped = false;   ///< its lease is gone: nobody wants to hear of it
  bool is_given_up = false;  ///< its outcome was decided without it

 private:
  const Errand errand_;
  const RemoteTask task_;
  const Clock::time_point began_;
  std::atomic<Clock::rep> beat_;
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  std::string progress_ = {};
  bool has_news_ = false;
};

/// An outcome of this attempt, but for what it came to.
RemoteOutcome outcome_of(const Attempt& attempt, RemoteOutcome::Kind kind);
RemoteOutcome failed(const Attempt& attempt, TaskFailure failure);

}  // namespace coremachine::worker
