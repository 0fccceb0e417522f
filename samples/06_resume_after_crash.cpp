// A process dies in the middle of a fan-out; the next one opens the same store, and the job goes on by itself.
//
// This program runs itself as a child. The child submits a job of 100 tasks, lets 60 of them complete, and dies
// without a goodbye while four others run. Every task notes in a file that it was started, so that one can see
// afterwards how often each of them was.
#include <coremachine/coremachine.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>

using namespace coremachine;

constexpr std::int64_t tasks_in_all = 100;
constexpr std::int64_t tasks_before_the_crash = 60;
bool is_child = false;

struct Survey : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    std::vector<TaskDefinition> tasks;
    for (std::int64_t i = 0; i < tasks_in_all; ++i) tasks.push_back({"measure", {{"point", i}}});
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    std::int64_t sum = 0;
    std::map<std::int64_t, std::int64_t> by_attempt;
    for (const auto& result : results) {
      sum += result.at("point").as_int64();
      ++by_attempt[result.at("attempt").as_int64()];
    }
    return {{"sum", sum}, {"first_attempts", by_attempt[1]}, {"second_attempts", by_attempt[2]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("survey", Survey);

TaskResult measure(const json::object& params, TaskContext& context) {
  const auto point = params.at("point").as_int64();
  std::ofstream("started.txt", std::ios::app) << std::to_string(point) + "\n" << std::flush;
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  // In the child the later ones never end: they are what runs when it dies.
  while (is_child && point >= tasks_before_the_crash) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return json::object{{"point", point}, {"attempt", context.attempt()}};
}
COREMACHINE_TASK("measure", measure);

MachineOptions options() {
  MachineOptions options;
  options.store = "sqlite:survey.db";
  options.workers = 4;
  return options;
}

[[noreturn]] void run_and_die() {
  CoreMachine machine(options());
  const auto id = machine.submit("survey").value();
  std::ofstream("id.txt") << id.str();
  for (;;) {
    // What a view shows is on disk.
    const auto job = machine.job(id).value();
    if (!job.stages.empty() && job.stages[0].tasks.completed == tasks_before_the_crash) {
      std::cout << "child: 60 tasks are complete, four are running, and now the lights go out" << std::endl;
      std::_Exit(1);  // no destructor, no flush, no farewell to the store
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

int main(int argc, char** argv) {
  is_child = argc > 1;
  if (is_child) run_and_die();

  const auto program = std::filesystem::absolute(argv[0]).string();
  const std::filesystem::path folder = "survey";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  std::filesystem::current_path(folder);
  if (std::system(("'" + program + "' child").c_str()) == 0) return 1;

  std::string id;
  std::ifstream("id.txt") >> id;
  CoreMachine machine(options());  // finds the job and sets it going
  const auto job = machine.wait(JobId::parse(id).value()).value();
  std::cout << "parent: the job is " << to_string(job.status) << ": " << *job.result << '\n';

  std::map<std::int64_t, int> starts;
  std::ifstream started("started.txt");
  for (std::int64_t point = 0; started >> point;) ++starts[point];
  int once = 0, twice = 0;
  bool completed_ran_again = false;
  for (const auto& [point, times] : starts) {
    ++(times == 1 ? once : twice);
    completed_ran_again |= times > 1 && point < tasks_before_the_crash;
  }
  std::cout << once << " tasks were started once, " << twice << " twice\n";
  std::cout << "a task that had completed ran again: " << (completed_ran_again ? "yes" : "no") << '\n';
}
