// Jobs by the calendar and by the clock. A schedule says what is submitted and when; it is kept in the store, and fires
// for as long as a machine runs on it. This one is due at half past two in Berlin, from the spring of 2099 on, so that
// its times can be printed: on the 29th the clocks go from two to three, and half past two is the moment when they do.
#include <coremachine/coremachine.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <latch>
#include <string>

using namespace coremachine;

/// One task of the type that the job is called after, with the params of the job.
struct OneTask : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    return {{context.job_type(), context.job_params()}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"result", results[0]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("report", OneTask);
COREMACHINE_JOB("beat", OneTask);

TaskResult report(const json::object& params) {
  return {{"reported", params.at("of")}};
}
COREMACHINE_TASK("report", report);

std::atomic<int> beats = 0;
std::latch two_beats(2);

TaskResult beat(const json::object& params) {
  // The time that the firing stands for, and not that at which this runs.
  const bool on_the_second = params.at("second").as_string().ends_with(".000Z");
  if (on_the_second && ++beats <= 2) two_beats.count_down();
  return json::value(on_the_second);
}
COREMACHINE_TASK("beat", beat);

int main() {
  CoreMachine machine;

  ScheduleSpec nightly;
  nightly.name = "nightly";
  nightly.job_type = "report";
  nightly.params = R"({"of": "the day"})";
  nightly.timing = Cron{"30 2 * * *", "Europe/Berlin"};
  nightly.starts_at = std::chrono::sys_days{std::chrono::year{2099} / 3 / 28};
  (void)machine.create_schedule(nightly).value();
  const auto shown = machine.schedule("nightly", 3).value();
  for (const auto time : shown.next_times) std::cout << to_rfc3339(time) << '\n';

  // Now, without waiting for 2099.
  const auto run = machine.run_schedule("nightly").value();
  std::cout << "by hand: " << *machine.wait(run.job->id)->result << '\n';

  // Every second, by the clock of this computer.
  ScheduleSpec every_second;
  every_second.name = "every-second";
  every_second.job_type = "beat";
  every_second.time_param = "second";
  every_second.timing = Interval{std::chrono::seconds{1}, {}};
  every_second.overlap = OverlapPolicy::allow;
  (void)machine.create_schedule(every_second).value();
  two_beats.wait();
  const auto paused = machine.pause_schedule("every-second").value();
  std::cout << "beats: " << (paused.state.fired >= 2 ? "two, or more" : "too few") << '\n';

  // What is wrong is said at once, all of it.
  nightly.name = "another";
  nightly.job_type = "rapport";
  nightly.timing = Cron{"30 25 * * *", "Europe/Berlin"};
  const auto refused = machine.create_schedule(nightly);
  for (const auto& fault : refused.error().faults) std::cout << fault.pointer << ": " << fault.detail << '\n';
}
