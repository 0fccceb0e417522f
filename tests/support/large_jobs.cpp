#include "tests/support/large_jobs.hpp"

#include <set>
#include <sstream>

#include <boost/json/parse.hpp>

namespace coremachine::support {
namespace {

constexpr std::size_t filler_size = 3000;

std::string filler(std::string_view seed, std::uint64_t i) {
  std::string text = std::string(seed) + "/" + std::to_string(i) + "/";
  while (text.size() < filler_size) text += text.substr(0, filler_size - text.size());
  return text;
}

struct LargeJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    const auto& params = context.job_params();
    std::vector<TaskDefinition> tasks;
    for (std::uint64_t i = 0; i < params.at("count").to_number<std::uint64_t>(); ++i) {
      TaskDefinition task{"large.work", {{"i", i}, {"filler", filler(params.at("filler").as_string(), i)}}};
      task.retry = RetryPolicy{.first_delay = Milliseconds{1}, .max_delay = Milliseconds{1}, .jitter = false};
      tasks.push_back(std::move(task));
    }
    return tasks;
  }

  json::object aggregate_stage_results(int, const StageResults& results) const override {
    std::uint64_t sum = 0;
    json::array own;
    for (const auto& result : results) {
      sum += result.at("i").to_number<std::uint64_t>();
      if (result.as_object().contains("own")) own.push_back(result.at("own"));
    }
    json::object all{{"sum", sum}, {"rows", results.seal_output("rows")}};
    all.emplace("filler", filler("stage", sum));
    all.emplace("own", std::move(own));
    return all;
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override {
    auto result = context.stage_result(1);
    result.erase("filler");
    return result;
  }
};

TaskResult large_work(const json::object& params, TaskContext& context) {
  const auto i = params.at("i").to_number<std::uint64_t>();
  context.output("rows").append(json::value{{"i", i}, {"attempt", context.attempt()}});
  if (i % 7 == 3 && context.attempt() == 1) return TaskFailure{.message = "not yet"};
  json::object result{{"i", i}, {"filler", filler(params.at("filler").as_string(), i + 1)}};
  if (i % 5 == 0) result.emplace("own", context.artifact({{"own", result.at("filler")}}));
  return result;
}

}  // namespace

void register_large_jobs(JobRegistry& jobs, TaskRegistry& tasks) {
  jobs.add<LargeJob>("large");
  tasks.add("large.work", large_work);
}

json::object large_params(std::uint64_t count, const std::string& seed) {
  return {{"count", count}, {"filler", filler(seed, count)}};
}

std::string fault_of_large_result(const CoreMachine& machine, const JobView& job) {
  if (job.status != JobStatus::completed)
    return "it is " + std::string(to_string(job.status)) + (job.error ? ": " + job.error->message : "");
  const auto params = machine.artifact_value(job.params);
  if (!params) return "its params: " + params.error().message;
  const auto count = params->at("count").to_number<std::uint64_t>();
  if (job.result->at("sum").to_number<std::uint64_t>() != count * (count - 1) / 2) return "its sum is wrong";
  const auto lines = machine.artifact(job.result->at("rows").at("$artifact").as_string());
  if (!lines) return "its lines: " + lines.error().message;
  std::istringstream in(*lines);
  std::set<std::uint64_t> seen;
  for (std::string line; std::getline(in, line);) {
    const auto i = json::parse(line).at("i").to_number<std::uint64_t>();
    if (!seen.insert(i).second) return "line " + std::to_string(i) + " is there twice";
  }
  if (seen.size() != count) return "there are " + std::to_string(seen.size()) + " lines";
  for (const auto& own : job.result->at("own").as_array()) {
    if (const auto value = machine.artifact_value(own); !value) return "what a task made: " + value.error().message;
  }
  return {};
}

}  // namespace coremachine::support
