#include "core/worker/attempt.hpp"

#include "core/model/json_text.hpp"

namespace coremachine::worker {

void Attempt::beat(const json::value& progress) {
  beat_.store(Clock::now().time_since_epoch().count(), std::memory_order_release);
  std::string text;
  if (progress.is_null() || append_json(text, progress)) return;  // what JSON cannot say is no progress
  const std::lock_guard lock(mutex_);
  progress_ = std::move(text);
  has_news_ = true;
}

std::string Attempt::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

std::optional<std::string> Attempt::take_news() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(has_news_, false)) return std::nullopt;
  return progress_;
}

void Attempt::put_news_back() {
  const std::lock_guard lock(mutex_);
  has_news_ = true;
}

RemoteOutcome outcome_of(const Attempt& attempt, RemoteOutcome::Kind kind) {
  RemoteOutcome outcome;
  outcome.index = attempt.task().index;
  outcome.attempt = attempt.task().attempt;
  outcome.kind = kind;
  outcome.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - attempt.began());
  return outcome;
}

RemoteOutcome failed(const Attempt& attempt, TaskFailure failure) {
  auto outcome = outcome_of(attempt, RemoteOutcome::Kind::failed);
  outcome.failure = std::move(failure);
  outcome.progress = attempt.progress();
  return outcome;
}

}  // namespace coremachine::worker
