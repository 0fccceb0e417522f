#pragma once

#include "handlers/raster/raster_params.hpp"

namespace coremachine::builtin {

/// A raster becomes a cloud-optimised GeoTIFF, reprojected if need be. Stages: 1 `inspect_raster`; 2 `warp_tile`, a
/// task for each tile; 3 `assemble_raster`; 4 `describe_raster`. → `{destination, bytes, stac_item}`.
///
/// The destination appears as a whole or not at all. Tiles lie in a hidden folder beside it, which goes when the job
/// has completed; of a job that ended otherwise it stays for a retry.
struct StageRasterJob : TypedJobHandler<RasterRequest> {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
  StagePolicy stage_policy(int stage, const JobContext& context) const override;
  std::optional<json::value> pull_stage_tasks(int stage, const JobContext& context, const json::value& cursor,
                                              TaskSink& tasks) const override;
  std::unique_ptr<StageFold> make_fold(int stage) const override;
};

}  // namespace coremachine::builtin
