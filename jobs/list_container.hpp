#pragma once

#include <coremachine/registry/typed.hpp>

#include "handlers/list_blobs.hpp"

namespace coremachine::builtin {

/// Lists the files below a directory, or the blobs of another container, then looks into each of them.
/// `{"container_name": directory}`, optionally with `prefix` and `limit` →
/// `{container, blob_count, analysis: {total_blobs, total_size, analyses: [{name, size, media_type, sha256}]}}`.
///
/// Neither the list nor the analyses are ever in memory together: of more than 1,000 blobs both are artifacts. A blob
/// that cannot be analysed does not stop the others: the job is then `completed_with_errors`, and `analysis` has
/// `failed_blobs` and the first hundred `failures` as `{index, type, message}`. What the list left out is in the result
/// as `skipped` and `unreadable`: see list_blobs.
struct ListContainerJob : TypedJobHandler<BlobSelection> {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
  StagePolicy stage_policy(int stage, const JobContext& context) const override;
  std::optional<json::value> pull_stage_tasks(int stage, const JobContext& context, const json::value& cursor,
                                              TaskSink& tasks) const override;
};

}  // namespace coremachine::builtin
