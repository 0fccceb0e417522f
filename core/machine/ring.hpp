#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include <coremachine/model/ids.hpp>

namespace coremachine::machine {

/// Jobs with ready tasks: the highest priority first, in turn within a priority.
class Ring {
 public:
  void push(int priority, JobId job) {
    turns_[priority].push_back(job);
    ++size_;
  }
  /// A job that was popped and had nothing of its turn.
  void put_back(int priority, JobId job) {
    turns_[priority].push_front(job);
    ++size_;
  }
  /// The job whose turn it is; it has to be pushed again for another.
  std::optional<JobId> pop() {
    if (turns_.empty()) return std::nullopt;
    auto& turn = turns_.begin()->second;
    const auto job = turn.front();
    turn.pop_front();
    --size_;
    if (turn.empty()) turns_.erase(turns_.begin());
    return job;
  }
  std::size_t size() const { return size_; }
  /// The priority of the job whose turn it is.
  std::optional<int> top() const { return turns_.empty() ? std::nullopt : std::optional(turns_.begin()->first); }

 private:
  std::map<int, std::deque<JobId>, std::greater<>> turns_;
  std::size_t size_ = 0;
};

}  // namespace coremachine::machine
