#pragma once

#include <condition_variable>
#include <mutex>

#include <coremachine/registry/job_handler.hpp>
#include <coremachine/registry/task_handler.hpp>

namespace coremachine::tests {

/// A task that runs until the test says so.
class Gatekeeper {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// Returns when such a task runs.
  void wait_for_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ > 0; });
  }
  TaskResult run() {
    std::unique_lock lock(mutex_);
    ++running_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return json::value("through");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int running_ = 0;
};

struct GatedJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {{"gated"}}; }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext&) const override { return {{"done", true}}; }
};

}  // namespace coremachine::tests
