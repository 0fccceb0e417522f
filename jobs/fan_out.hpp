#pragma once

#include <cstdint>

#include <coremachine/registry/typed.hpp>

#include "handlers/echo.hpp"

namespace coremachine::builtin {

struct FanOutParams {
  std::int64_t count = 0;
  std::int64_t sleep_ms = 0;
  std::int64_t payload_bytes = 0;
  std::int64_t fail_percent = 0;
  std::int64_t fail_attempts = 1;
  std::uint32_t max_attempts = 3;
  json::value join = "strict";
  std::uint32_t max_concurrency = 0;
  std::string stragglers = "cancel";
  std::int64_t deadline_ms = 0;

  static void rules(params::Fields<FanOutParams>& fields);
};
BOOST_DESCRIBE_STRUCT(FanOutParams, (),
                      (count, sleep_ms, payload_bytes, fail_percent, fail_attempts, max_attempts, join, max_concurrency,
                       stragglers, deadline_ms))

/// As many `echo` tasks as asked for, with all that can be asked of them: the engine's load generator and smoke test.
/// → `{"count": tasks, "succeeded": …, "failed": …, "sum": of the i that succeeded}`.
struct FanOutJob : TypedJobHandler<FanOutParams> {
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
