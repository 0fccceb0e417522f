#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <coremachine/coremachine.hpp>

#include "core/embed/open_store.hpp"
#include "core/runtime/schedule_duty.hpp"
#include "core/runtime/shell.hpp"
#include "tests/support/empty_job.hpp"

namespace coremachine::support {

/// Ends at once, without a task.
struct QuickJob : support::EmptyJob {
  json::object get_final_result(const JobContext& context) const override { return context.job_params(); }
};

/// Waits for somebody: for the signal `go`, or for a cancel.
struct WaitingJob : QuickJob {
  StagePolicy stage_policy(int, const JobContext&) const override {
    StagePolicy policy;
    policy.gate = Gate{.signal = "go"};
    return policy;
  }
};

/// A machine whose schedules go by a clock that only moves when told.
struct ScheduleMachine {
  JobRegistry jobs;
  TaskRegistry tasks;
  std::atomic<std::int64_t> time_ms{0};
  std::mutex log_mutex;
  std::vector<std::string> logged;
  std::shared_ptr<runtime::Shell> shell;
  std::unique_ptr<CoreMachine> machine;

  /// With the job types `quick`, `waiting` and `choosy`, of which the last takes a `size` and, perhaps, a `day`.
  void register_jobs() {
    jobs.add<QuickJob>("quick").add<WaitingJob>("waiting");
    JobInfo choosy;
    choosy.validate_params = [](const json::object& params) {
      std::vector<ParamFault> faults;
      const auto* size = params.if_contains("size");
      if (!size || !size->is_int64()) faults.push_back({"/size", "should be an integer"});
      for (const auto& member : params) {
        if (member.key() != "size" && member.key() != "day") {
          faults.push_back({"/" + std::string(member.key()), "is not known"});
        }
      }
      return faults;
    };
    jobs.add<QuickJob>("choosy", choosy);
  }

  void start(const std::string& store, Timestamp time, std::function<void(std::string_view)> fault_point = {}) {
    time_ms = time.time_since_epoch().count();
    auto opened = embed::open_store(store);
    runtime::ShellSetup setup;
    setup.options.jobs = &jobs;
    setup.options.tasks = &tasks;
    setup.options.workers = 2;
    setup.options.handlers = 2;
    setup.options.log = [this](std::string_view message) {
      const std::lock_guard lock(log_mutex);
      logged.emplace_back(message);
    };
    setup.store = std::move(opened.store);
    setup.running_record = std::move(opened.running_record);
    setup.fault_point = std::move(fault_point);
    setup.schedule_clock = [this] { return Timestamp{Milliseconds{time_ms}}; };
    shell = std::make_shared<runtime::Shell>(std::move(setup));
    machine = std::make_unique<CoreMachine>(shell);
  }
  /// What comes due by then has fired when the next question is answered.
  void advance(Milliseconds by) {
    time_ms += by.count();
    shell->schedules().wake();
  }
  /// The schedule, as soon as `done` holds for it.
  template <class Done>
  ScheduleView when(const std::string& id, const Done& done) {
    for (;;) {
      auto view = machine->schedule(id).value();
      if (done(view)) return view;
      std::this_thread::yield();
    }
  }
  /// When nothing of it is under way.
  ScheduleView at_rest(const std::string& id) {
    return when(id, [](const ScheduleView& view) {
      return view.state.starting.empty() && view.state.running.empty() && view.state.waiting.empty();
    });
  }
  bool has_logged(const std::string& part) {
    const std::lock_guard lock(log_mutex);
    return std::any_of(logged.begin(), logged.end(),
                       [&](const auto& line) { return line.find(part) != std::string::npos; });
  }
};

}  // namespace coremachine::support
