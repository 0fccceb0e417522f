#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/runtime/input.hpp"

namespace coremachine::runtime {

/// Where a thread waits for one answer.
class Mailbox {
 public:
  Then then() {
    return [state = state_](machine::Answer&& answer) {
      const std::lock_guard lock(state->mutex);
      state->answer = std::move(answer);
      state->arrived.notify_one();
    };
  }
  /// Nothing, if it takes longer than that.
  std::optional<machine::Answer> wait(std::optional<Milliseconds> at_most = {}) {
    std::unique_lock lock(state_->mutex);
    const auto there = [&] { return state_->answer.has_value(); };
    if (!at_most) {
      state_->arrived.wait(lock, there);
    } else if (!state_->arrived.wait_for(lock, *at_most, there)) {
      return std::nullopt;
    }
    return std::move(state_->answer);
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<machine::Answer> answer;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace coremachine::runtime
