#include "jobs/raster/stage_raster.hpp"

#include "jobs/raster/raster.hpp"

namespace coremachine {

namespace builtin {

namespace {

constexpr int inspect_stage = 1;
constexpr int tile_stage = 2;
constexpr int assemble_stage = 3;
constexpr int describe_stage = 4;
/// Up to so many tiles are defined at once.
constexpr std::int64_t eager_tiles = 1024;

RasterPlan plan_of(const JobContext& context) {
  return params::parse<RasterPlan>(context.stage_result(inspect_stage).at("plan").as_object()).value();
}
std::int64_t tiles_of(const JobContext& context) {
  return context.stage_result(inspect_stage).at("tiles").to_number<std::int64_t>();
}

TaskDefinition tile_task(const RasterRequest& request, const RasterPlan& plan, std::int64_t tile) {
  return {"warp_tile", params::to_json(TileParams{request, plan, tile})};
}

/// How much the tiles have come to.
struct TileFold : StageFold {
  json::value init() const override { return {{"tiles", 0}, {"bytes", 0}}; }
  void step(json::value& sum, TaskIndex, const json::value& result) const override {
    merge(sum, {{"tiles", 1}, {"bytes", result.at("bytes")}});
  }
  void merge(json::value& sum, const json::value& other) const override {
    for (auto& [name, value] : sum.as_object()) {
      value = value.to_number<std::uint64_t>() + other.at(name).to_number<std::uint64_t>();
    }
  }
  json::object finish(const json::value& sum, const StageOutcome&) const override { return sum.as_object(); }
};

}  // namespace

JobInfo StageRasterJob::info() {
  return {.description = "Reprojects a raster and makes a cloud-optimised GeoTIFF of it, with a STAC item",
          .tags = {"builtin", "raster"},
          .stages = {"inspect_raster: whether it can be done, and how", "warp_tile: one task for each tile",
                     "assemble_raster: the file with its overviews", "describe_raster: its STAC item"}};
}

std::vector<TaskDefinition> StageRasterJob::create_stage_tasks(int stage, const JobContext& context) const {
  const auto request = params(context);
  if (stage == inspect_stage) return {{"inspect_raster", params::to_json(request)}};
  const auto plan = plan_of(context);
  if (stage == assemble_stage) return {{"assemble_raster", params::to_json(AssembleParams{request, plan})}};
  if (stage == describe_stage) {
    return {{"describe_raster", params::to_json(DescribeParams{request, plan, context.stage_result(assemble_stage)})}};
  }
  std::vector<TaskDefinition> tasks;
  for (std::int64_t tile = 0; tile < tiles_of(context); ++tile) tasks.push_back(tile_task(request, plan, tile));
  return tasks;
}

StagePolicy StageRasterJob::stage_policy(int stage, const JobContext& context) const {
  return {.lazy = stage == tile_stage && tiles_of(context) > eager_tiles};
}

std::optional<json::value> StageRasterJob::pull_stage_tasks(int, const JobContext& context, const json::value& cursor,
                                                            TaskSink& tasks) const {
  const auto request = params(context);
  const auto plan = plan_of(context);
  const auto count = tiles_of(context);
  auto tile = cursor.is_null() ? 0 : cursor.to_number<std::int64_t>();
  for (; tile < count && !tasks.full(); ++tile) tasks.add(tile_task(request, plan, tile));
  return tile < count ? std::optional<json::value>(tile) : std::nullopt;
}

std::unique_ptr<StageFold> StageRasterJob::make_fold(int stage) const {
  return stage == tile_stage ? std::make_unique<TileFold>() : nullptr;
}

json::object StageRasterJob::aggregate_stage_results(int, const StageResults& results) const {
  return results[0].as_object();
}

bool StageRasterJob::should_advance_stage(int stage, const JobContext&) const {
  return stage < describe_stage;
}

json::object StageRasterJob::get_final_result(const JobContext& context) const {
  return context.stage_result(describe_stage);
}

}  // namespace builtin

void register_raster_jobs(JobRegistry& jobs, TaskRegistry& tasks) {
  jobs.add<builtin::StageRasterJob>("stage_raster", builtin::StageRasterJob::info());
  tasks.add("inspect_raster", builtin::inspect_raster, builtin::inspect_raster_info())
      .add("warp_tile", builtin::warp_tile, builtin::warp_tile_info())
      .add("assemble_raster", builtin::assemble_raster, builtin::assemble_raster_info())
      .add("describe_raster", builtin::describe_raster, builtin::describe_raster_info());
}

}  // namespace coremachine
