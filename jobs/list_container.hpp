#pragma once

#include <coremachine/registry/typed.hpp>

#include "handlers/list_blobs.hpp"

namespace coremachine::builtin {

/// Lists the files below a directory, then looks into each of them.
/// `{"container_name": directory}`, optionally with `prefix` and `limit` →
/// `{container, blob_count, analysis: {total_blobs, total_size, analyses: [{name, size, media_type, sha256}]}}`.
struct ListContainerJob : TypedJobHandler<BlobSelection> {
  static JobInfo info();

  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override;
  json::object aggregate_stage_results(int stage, const StageResults& results) const override;
  bool should_advance_stage(int stage, const JobContext& context) const override;
  json::object get_final_result(const JobContext& context) const override;
};

}  // namespace coremachine::builtin
