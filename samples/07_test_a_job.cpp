// How a job is tested: without a machine, without a thread, without waiting. The test kit runs the real engine in the
// calling thread, on a clock that moves only when it is told to.
#include <coremachine/coremachine.hpp>
#include <coremachine/testing/workflow.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>

using namespace coremachine;
using namespace std::chrono_literals;

struct Backup : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    if (stage == 1) return {{"snapshot"}};
    const auto& volumes = context.stage_result(1).at("volumes").as_array();
    std::vector<TaskDefinition> tasks;
    for (const auto& volume : volumes) tasks.push_back({"upload", {{"volume", volume}}});
    return tasks;
  }
  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    if (stage == 1) return results[0].as_object();
    return {{"uploaded", results.size()}};
  }
  bool should_advance_stage(int stage, const JobContext& context) const override {
    return stage == 1 && !context.stage_result(1).at("volumes").as_array().empty();
  }
  json::object get_final_result(const JobContext& context) const override {
    return context.has_stage_result(2) ? context.stage_result(2) : json::object{{"uploaded", 0}};
  }
};

// Handlers for the test: the world that the job meets is made up.
TaskResult snapshot(const json::object&) {
  return json::object{{"volumes", json::array{"home", "mail", "web"}}};
}
TaskResult upload(const json::object& params, TaskContext& context) {
  if (params.at("volume") == "mail" && context.attempt() == 1) throw std::runtime_error("line is busy");
  return params.at("volume");
}

void show(const char* when, const JobView& job) {
  std::cout << when << ": " << to_string(job.status);
  for (const auto& stage : job.stages) {
    std::cout << ", stage " << stage.stage << ' ' << to_string(stage.status) << " (" << stage.tasks.completed
              << " done, " << stage.tasks.retrying << " retrying)";
  }
  if (job.result) std::cout << ", result " << *job.result;
  std::cout << '\n';
}

int main() {
  JobRegistry jobs;
  TaskRegistry tasks;
  jobs.add<Backup>("backup");
  tasks.add("snapshot", snapshot);
  tasks.add("upload", upload, {.retry = RetryPolicy{.first_delay = 30s, .jitter = false}});

  testing::Workflow flow(jobs, tasks);
  const auto id = flow.submit("backup");
  flow.run();
  show("at once", flow.job(id));
  flow.advance(29s);
  show("29 s later", flow.job(id));
  flow.crash();
  show("after a crash", flow.job(id));
  flow.advance(1s);
  show("30 s later", flow.job(id));

  // To the end in one go, however far away it is.
  const auto began = flow.now();
  show("another", flow.run_to_end("backup"));
  std::cout << "on its own clock that took " << (flow.now() - began) / 1s << " s\n";

  // The four functions by themselves.
  const Backup handler;
  testing::HandlerProbe probe(handler);
  probe.aggregate(1, {json::object{{"volumes", json::array{}}}});
  std::cout << "nothing to upload: " << (probe.advances(1) ? "goes on" : "ends") << ", "
            << json::value(probe.final_result()) << '\n';
}
