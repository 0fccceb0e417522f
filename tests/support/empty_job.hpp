#pragma once

#include <coremachine/registry/job_handler.hpp>

namespace coremachine::support {

/// Ends at once, without a task and with an empty result; what a test is about is overridden.
struct EmptyJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {}; }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext&) const override { return {}; }
};

}  // namespace coremachine::support
