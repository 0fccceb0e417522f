// What is submitted twice and done once. A client that does not know whether its submission arrived makes it again
// with the same idempotency key. A job type that is unique by its params needs no key: the same params are the same
// job, while it is not over and when it has completed. One that failed may be done again.
#include <coremachine/coremachine.hpp>

#include <atomic>
#include <iostream>
#include <string>

using namespace coremachine;

/// One task of the type that the job is called after, with the params of the job.
struct OneTask : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    return {{context.job_type(), context.job_params()}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return results[0].as_object();
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("order", OneTask);
COREMACHINE_JOB("thumbnail", OneTask, .unique_by_params = true);

std::atomic<int> orders = 0;
std::atomic<bool> disk_is_full = true;

TaskResult order(const json::object& params) {
  return {{"number", ++orders}, {"item", params.at("item")}};
}
COREMACHINE_TASK("order", order);

TaskResult thumbnail(const json::object& params) {
  if (disk_is_full) return TaskFailure{.message = "the disk is full", .kind = TaskFailure::Kind::permanent};
  return {{"made", params.at("picture")}};
}
COREMACHINE_TASK("thumbnail", thumbnail);

int main() {
  CoreMachine machine;
  const auto submit = [&](const char* type, json::object params, std::string key = {}) {
    SubmitOptions options;
    options.idempotency_key = std::move(key);
    std::cout << type << ' ' << json::value(params) << ": ";
    const auto accepted = machine.accept(type, std::move(params), std::move(options));
    if (!accepted) {
      std::cout << "refused, " << to_string(accepted.error().code) << '\n';
      return;
    }
    const auto job = machine.wait(accepted->job).value();
    std::cout << (accepted->existing ? "the same job" : "a new job") << ", " << to_string(job.status);
    if (job.result) std::cout << ", " << *job.result;
    std::cout << '\n';
  };

  submit("order", {{"item", "tea"}}, "cart 7");
  submit("order", {{"item", "tea"}}, "cart 7");     // the answer was lost
  submit("order", {{"item", "coffee"}}, "cart 7");  // the key is taken
  submit("order", {{"item", "tea"}}, "cart 8");
  submit("order", {{"item", "tea"}});  // no key: another order
  std::cout << orders << " orders\n";

  submit("thumbnail", {{"picture", "a.png"}, {"width", 64}});
  disk_is_full = false;
  submit("thumbnail", {{"picture", "a.png"}, {"width", 64}});
  submit("thumbnail", {{"width", 64}, {"picture", "a.png"}});  // the order of the keys does not matter
  submit("thumbnail", {{"picture", "a.png"}, {"width", 32}});
}
