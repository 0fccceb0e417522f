// A module with a job whose params, results and outputs are too large for rows, and one that ends its server.
#include <coremachine/module/module.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace json = boost::json;
using namespace coremachine;

namespace {

constexpr std::int64_t every_large = 40;
constexpr std::size_t large_size = 1'500'000;

struct CollectLarge : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    const auto count = context.job_params().at("count").as_int64();
    for (std::int64_t i = 0; i < count; ++i) tasks.push_back({"large.collect", {{"i", i}}});
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    std::int64_t sum = 0;
    std::uint64_t bytes = 0;
    for (const auto& result : results) {
      const auto i = result.at("i").as_int64();
      sum += i;
      if (const auto* text = result.as_object().if_contains("text"))
        bytes += text->as_string().size() + static_cast<std::uint64_t>(i);
    }
    return {{"sum", sum}, {"bytes", bytes}, {"lines", results.seal_output("lines")}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override {
    auto result = context.stage_result(1);
    result["filler"] = context.job_params().at("filler").as_string().size();
    return result;
  }
};

TaskResult collect(const json::object& params, TaskContext& context) {
  const auto i = params.at("i").as_int64();
  context.output("lines").append({{"i", i}});
  std::this_thread::sleep_for(std::chrono::milliseconds(4));
  json::object result{{"i", i}};
  if (i % every_large == 0)
    result.emplace("text", std::string(large_size, static_cast<char>('a' + i / every_large % 26)));
  return result;
}

struct EndProcess : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    return {{"large.end_process", {}}};
  }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext&) const override { return {}; }
};

TaskResult end_process(const json::object&, TaskContext&) {
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  std::_Exit(3);
}

void register_all(ModuleContext& module) {
  module.jobs.add<CollectLarge>("collect_large");
  module.tasks.add("large.collect", collect);
  module.jobs.add<EndProcess>("end_process");
  module.tasks.add("large.end_process", end_process);
}

}  // namespace

COREMACHINE_MODULE("large", "1.0", register_all);
