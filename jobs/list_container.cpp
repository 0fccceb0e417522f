#include "jobs/list_container.hpp"

#include <boost/json/array.hpp>

namespace coremachine::builtin {

namespace {

constexpr int list_stage = 1;
constexpr int analyze_stage = 2;
/// So many analyses are part of the result itself; more are an artifact.
constexpr std::size_t most_in_result = 1000;

}  // namespace

JobInfo ListContainerJob::info() {
  return {.description = "Lists the files below a directory and analyses each of them",
          .tags = {"builtin", "storage"},
          .stages = {"list_blobs: lists the container", "analyze_blob: one task for each blob"}};
}

std::vector<TaskDefinition> ListContainerJob::create_stage_tasks(int stage, const JobContext& context) const {
  const auto selection = params(context);
  if (stage == list_stage) return {TaskDefinition{"list_blobs", params::to_json(selection)}};
  const auto& blobs = context.stage_result(list_stage).at("blobs").as_array();
  std::vector<TaskDefinition> tasks;
  tasks.reserve(blobs.size());
  for (const auto& blob : blobs) {
    tasks.push_back({"analyze_blob", {{"container_name", selection.container_name}, {"name", blob.at("name")}}});
  }
  return tasks;
}

json::object ListContainerJob::aggregate_stage_results(int stage, const StageResults& results) const {
  if (stage == list_stage) return results[0].as_object();
  std::uint64_t total_size = 0;
  json::array analyses;
  analyses.reserve(results.size());
  for (const auto& analysis : results) {
    total_size += analysis.at("size").to_number<std::uint64_t>();
    analyses.push_back(analysis);
  }
  json::object result{{"total_blobs", results.size()}, {"total_size", total_size}};
  result.emplace("analyses", std::move(analyses));
  return result;
}

bool ListContainerJob::should_advance_stage(int stage, const JobContext&) const {
  return stage < analyze_stage;
}

json::object ListContainerJob::get_final_result(const JobContext& context) const {
  auto analysis = context.stage_result(analyze_stage);
  auto& analyses = analysis.at("analyses");
  if (analyses.as_array().size() > most_in_result) analyses = context.artifact(analyses);
  json::object result{{"container", params(context).container_name},
                      {"blob_count", context.stage_result(list_stage).at("blob_count")}};
  result.emplace("analysis", std::move(analysis));
  return result;
}

}  // namespace coremachine::builtin
