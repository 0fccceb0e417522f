// Stages that are run again until the result is good enough. `next_stage` says which stage follows: also one that has
// been before. Each run of a stage is a round of its own with its own tasks; a later one sees the newest results of
// every stage. `max_visits` ends a loop that would never end: the job is `dead` then, as after any
// fault of its handler.
#include <coremachine/coremachine.hpp>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>

using namespace coremachine;

constexpr std::int64_t parts = 8;

// The area under 4 / (1 + x²) from 0 to 1, in strips; twice as many strips each time, until that changes little.
struct Area : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    const json::object none{{"strips", 0}, {"area", 0.0}};
    const auto& last = context.has_stage_result(2) ? context.stage_result(2) : none;
    if (stage == 2) return {{"compare", {{"last", last.at("area")}, {"now", context.stage_result(1)}}}};
    const auto strips = std::max(parts, 2 * last.at("strips").as_int64());
    std::vector<TaskDefinition> tasks;
    for (std::int64_t part = 0; part < parts; ++part) tasks.push_back({"sum_up", {{"part", part}, {"strips", strips}}});
    return tasks;
  }
  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    if (stage == 2) return results[0].as_object();
    double area = 0;
    for (const auto& sum : results) area += sum.at("area").to_number<double>();
    return {{"area", area}, {"strips", results[0].at("strips")}};
  }

  std::optional<int> next_stage(int stage, const JobContext& context) const override {
    if (stage == 1) return 2;
    const auto change = context.stage_result(2).at("change").to_number<double>();
    if (change > context.job_params().at("tolerance").to_number<double>()) return 1;
    return std::nullopt;  // it is good
  }
  StagePolicy stage_policy(int, const JobContext&) const override { return {.max_visits = 8}; }

  bool should_advance_stage(int, const JobContext&) const override { return false; }  // next_stage is asked instead
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(2); }
};
COREMACHINE_JOB("area", Area);

TaskResult sum_up(const json::object& params) {
  const auto strips = params.at("strips").as_int64();
  const auto size = strips / parts;
  const auto first = params.at("part").as_int64() * size;
  const auto width = 1.0 / static_cast<double>(strips);
  double area = 0;
  for (auto i = first; i < first + size; ++i) {
    const auto x = (static_cast<double>(i) + 0.5) * width;
    area += width * 4 / (1 + x * x);
  }
  return {{"area", area}, {"strips", strips}};
}
COREMACHINE_TASK("sum_up", sum_up);

TaskResult compare(const json::object& params) {
  json::object now = params.at("now").as_object();
  now["change"] = std::abs(now.at("area").to_number<double>() - params.at("last").to_number<double>());
  return now;
}
COREMACHINE_TASK("compare", compare);

void show(const JobView& job) {
  for (const auto& stage : job.stages) {
    if (stage.stage != 2) continue;
    std::cout << "  round " << stage.round << ": " << stage.result->at("strips") << " strips, area "
              << stage.result->at("area").to_number<double>() << '\n';
  }
  std::cout << to_string(job.status) << " after " << job.stages.size() << " rounds\n";
  if (job.error) std::cout << to_string(job.error->code) << ": " << job.error->message << '\n';
}

int main() {
  CoreMachine machine;
  std::cout << std::fixed << std::setprecision(5);
  show(machine.run("area", {{"tolerance", 0.0001}}).value());
  show(machine.run("area", {{"tolerance", -1}}).value());  // never good enough
}
