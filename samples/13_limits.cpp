// How many tasks of a type run at a time, of all jobs, is set while they run: to spare what they use, and without
// touching a job. What runs already is not stopped. `explain` says why a job is not finished; a limit is one reason.
//
// The tasks of this program wait at a door until they are let out, so that one can look at a machine that stands still.
#include <coremachine/coremachine.hpp>

#include <condition_variable>
#include <iostream>
#include <mutex>

using namespace coremachine;

class Door {
 public:
  /// Of a task: waits to be let out.
  void enter() {
    std::unique_lock lock(mutex_);
    const auto place = ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return place <= let_out_; });
  }
  void let_out_up_to(int place) {
    const std::lock_guard lock(mutex_);
    let_out_ = place;
    changed_.notify_all();
  }
  void wait_until_entered(int place) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_ >= place; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int entered_ = 0;
  int let_out_ = 0;
};
Door door;

struct Download : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    return std::vector<TaskDefinition>(7, {"download"});
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"downloaded", results.size()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("download", Download);

TaskResult download(const json::object&) {
  door.enter();
  return {};
}
COREMACHINE_TASK("download", download);

int main() {
  CoreMachine machine({.workers = 4});
  machine.set_limit("download", {.max_concurrency = 3}).value();
  const auto id = machine.submit("download").value();
  const auto show = [&](const char* when) {
    std::cout << when << '\n';
    for (const auto& reason : machine.explain(id).value()) {
      std::cout << "  " << to_string(reason.code) << ' ' << reason.count << ": " << reason.detail << '\n';
    }
  };

  door.wait_until_entered(3);
  show("three at a time");

  machine.set_limit("download", {.max_concurrency = 1}).value();
  show("one at a time from now on; those that run go on");
  door.let_out_up_to(3);
  door.wait_until_entered(4);
  show("they are done, and the next one is alone");

  machine.set_limit("download", {}).value();
  door.wait_until_entered(7);
  show("the limit is lifted");

  door.let_out_up_to(7);
  const auto job = machine.wait(id).value();
  std::cout << to_string(job.status) << ": " << *job.result << '\n';
}
