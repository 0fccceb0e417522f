#pragma once

#include <atomic>
#include <string>

#include <coremachine/registry/task_handler.hpp>

namespace coremachine::support {

/// An attempt for handlers that are called without a machine.
class Attempt : public Heartbeats {
 public:
  Attempt() : context_(state()) {}
  explicit Attempt(std::chrono::steady_clock::time_point deadline) : deadline_(deadline), context_(state()) {}

  TaskContext& context() { return context_; }
  void cancel() { cancelled_ = true; }
  int beats() const { return beats_; }
  void beat(const json::value&) override { ++beats_; }

 private:
  TaskContext::State state() {
    TaskContext::State state{.job_id = JobId{1, 2}};
    state.index = 7;
    state.defined_in = 3;
    state.task_type = &task_type_;
    state.cancelled = &cancelled_;
    state.heartbeats = this;
    state.deadline = deadline_;
    return state;
  }

  std::string task_type_ = "tried";
  std::atomic<bool> cancelled_ = false;
  std::optional<std::chrono::steady_clock::time_point> deadline_ = {};
  int beats_ = 0;
  TaskContext context_;
};

}  // namespace coremachine::support
