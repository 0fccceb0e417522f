// How many tasks of a stage have to complete. Its join says so: a share that may fail, or a few tasks on which
// everything depends while the others are welcome. What failed is seen where the results are aggregated, and a job
// that got past failures ends `completed_with_errors`.
#include <coremachine/coremachine.hpp>

#include <iostream>
#include <string>

using namespace coremachine;

// Asks twenty shops for the sales of the day, then files the report and tells some people of it.
struct DailyReport : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    const auto& params = context.job_params();
    std::vector<TaskDefinition> tasks;
    if (stage == 1) {
      const auto closed = params.at("closed_shops").as_int64();
      for (std::int64_t shop = 1; shop <= 20; ++shop) {
        tasks.push_back({"ask_shop", {{"shop", shop}, {"closed", shop <= closed}}});
      }
      return tasks;
    }
    tasks.push_back({.task_type = "file_report", .parameters = {{"into", params.at("archive")}}, .critical = true});
    tasks.push_back({"mail", {{"to", "owner"}}});
    tasks.push_back({"mail", {{"to", params.at("friend")}}});
    return tasks;
  }

  StagePolicy stage_policy(int stage, const JobContext&) const override {
    if (stage == 1) return {.join = JoinToleratePercent{10}};
    // The mails may fail. But they are given their time: by default, what is not needed any more is cancelled.
    return {.join = JoinCritical{}, .stragglers = Stragglers::wait};
  }

  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    json::array failures;
    for (const auto& failure : results.failures()) {
      failures.push_back(json::object{{"task", failure.index}, {"type", failure.type}, {"why", failure.message}});
    }
    if (stage == 2) return {{"done", results.size()}, {"failures", failures}};
    std::int64_t sales = 0;
    for (const auto& sold : results) sales += sold.as_int64();
    return {{"sales", sales}, {"shops", results.size()}, {"of", results.total()}, {"failures", failures}};
  }
  bool should_advance_stage(int stage, const JobContext&) const override { return stage < 2; }
  json::object get_final_result(const JobContext& context) const override {
    return {{"collected", context.stage_result(1)}, {"delivered", context.stage_result(2)}};
  }
};
COREMACHINE_JOB("daily_report", DailyReport);

TaskResult fail(std::string type, std::string why) {
  return TaskFailure{.type = std::move(type), .message = std::move(why), .kind = TaskFailure::Kind::permanent};
}
TaskResult ask_shop(const json::object& params) {
  if (params.at("closed").as_bool()) return fail("closed", "nobody answers");
  return json::value(params.at("shop").as_int64() * 100);
}
TaskResult file_report(const json::object& params) {
  return params.at("into") == "full" ? fail("disk", "the archive is full") : TaskResult();
}
TaskResult mail(const json::object& params) {
  return params.at("to") == "nobody" ? fail("address", "no such person") : TaskResult();
}
COREMACHINE_TASK("ask_shop", ask_shop);
COREMACHINE_TASK("file_report", file_report);
COREMACHINE_TASK("mail", mail);

void show(const JobView& job) {
  std::cout << to_string(job.status) << '\n';
  for (const auto& stage : job.stages) {
    std::cout << "  stage " << stage.stage << ' ' << to_string(stage.status) << '\n';
    if (stage.result) std::cout << "    " << *stage.result << '\n';
  }
  if (job.error) std::cout << "  " << to_string(job.error->code) << ": " << job.error->message << '\n';
}

int main() {
  CoreMachine machine;
  show(machine.run("daily_report", {{"closed_shops", 2}, {"archive", "main"}, {"friend", "nobody"}}).value());
  show(machine.run("daily_report", {{"closed_shops", 3}, {"archive", "main"}, {"friend", "nobody"}}).value());
  show(machine.run("daily_report", {{"closed_shops", 0}, {"archive", "full"}, {"friend", "Ada"}}).value());
}
