#include "jobs/fan_out.hpp"

#include <boost/json/array.hpp>

#include "handlers/echo.hpp"
#include "handlers/schema.hpp"
#include "jobs/job_params.hpp"

namespace coremachine::builtin {

namespace {

constexpr int plan_stage = 1;
constexpr int echo_stage = 2;
/// Up to so many tasks are defined at once.
constexpr std::int64_t eager_count = 4096;

constexpr IntegerRange count_range{0, most_echoes};
constexpr IntegerRange percent_range{0, 100};
constexpr IntegerRange concurrency_range{0, UINT32_MAX};
constexpr IntegerRange attempts_range{1, 1'000'000};

constexpr std::string_view join_due =
    "\"strict\", \"best_effort\", {\"at_least\": tasks} or {\"tolerate_percent\": 0 to 100}";

/// Nothing for what is no join.
std::optional<Join> join_from(const json::value& value) {
  if (value == "strict") return JoinAll{};
  if (value == "best_effort") return JoinBestEffort{};
  const auto* object = value.if_object();
  if (!object || object->size() != 1) return std::nullopt;
  json::error_code not_exact;
  if (const auto* least = object->if_contains("at_least"); least && least->is_number()) {
    const auto count = least->to_number<std::uint64_t>(not_exact);
    if (!not_exact) return JoinAtLeast{count};
  }
  if (const auto* most = object->if_contains("tolerate_percent"); most && most->is_number()) {
    const auto percent = most->to_number<double>();
    if (percent >= 0 && percent <= 100) return JoinToleratePercent{percent};
  }
  return std::nullopt;
}

struct FanOut {
  std::int64_t count = 0;
  std::int64_t sleep_ms = 0;
  std::int64_t payload_bytes = 0;
  std::int64_t fail_percent = 0;
  std::int64_t fail_attempts = 1;
  std::int64_t max_attempts = 3;
  std::int64_t max_concurrency = 0;
  Join join = JoinAll{};

  /// Throws what is wrong with the params.
  static FanOut from(const json::object& params) {
    ParamsReader reader(params);
    FanOut fan;
    fan.count = reader.integer("count", count_range);
    fan.sleep_ms = reader.integer("sleep_ms", sleep_ms_range, 0);
    fan.payload_bytes = reader.integer("payload_bytes", payload_bytes_range, 0);
    fan.fail_percent = reader.integer("fail_percent", percent_range, 0);
    fan.fail_attempts = reader.integer("fail_attempts", fail_attempts_range, 1);
    fan.max_attempts = reader.integer("max_attempts", attempts_range, 3);
    fan.max_concurrency = reader.integer("max_concurrency", concurrency_range, 0);
    if (const auto* value = reader.any("join")) {
      const auto join = join_from(*value);
      if (!join) reader.add_fault("join", *value, join_due);
      fan.join = join.value_or(JoinAll{});
    }
    require_job_fit(reader, "fan_out");
    return fan;
  }
};

json::object echo_params(const FanOut& fan, std::int64_t k) {
  const bool fails = k % 100 < fan.fail_percent && fan.fail_attempts > 0;
  json::object params;
  // Ten million times over, room for no more than is said counts.
  params.reserve(1U + (fan.sleep_ms > 0 ? 1U : 0U) + (fan.payload_bytes > 0 ? 1U : 0U) + (fails ? 1U : 0U));
  params.emplace("i", k);
  if (fan.sleep_ms > 0) params.emplace("sleep_ms", fan.sleep_ms);
  if (fan.payload_bytes > 0) params.emplace("payload_bytes", fan.payload_bytes);
  if (fails) params.emplace("fail_attempts", fan.fail_attempts);
  return params;
}

json::object integer_schema(IntegerRange range, std::optional<std::int64_t> fallback = {}) {
  json::object schema{{"type", "integer"}, {"minimum", range.lowest}, {"maximum", range.highest}};
  if (fallback) schema.emplace("default", *fallback);
  return schema;
}

json::object join_schema() {
  const auto one_of_its_own = [](const char* name, json::object schema) {
    json::object properties;
    properties.emplace(name, std::move(schema));
    return json::object{{"type", "object"},
                        {"properties", std::move(properties)},
                        {"required", json::array{name}},
                        {"additionalProperties", false}};
  };
  json::array forms;
  forms.push_back(json::object{{"enum", json::array{"strict", "best_effort"}}});
  forms.push_back(one_of_its_own("at_least", {{"type", "integer"}, {"minimum", 0}}));
  forms.push_back(one_of_its_own("tolerate_percent", {{"type", "number"}, {"minimum", 0}, {"maximum", 100}}));
  json::object schema{{"default", "strict"}};
  schema.emplace("oneOf", std::move(forms));
  return schema;
}

}  // namespace

JobInfo FanOutJob::info() {
  json::object properties;
  properties.emplace("count", integer_schema(count_range));
  properties.emplace("sleep_ms", integer_schema(sleep_ms_range, 0));
  properties.emplace("payload_bytes", integer_schema(payload_bytes_range, 0));
  properties.emplace("fail_percent", integer_schema(percent_range, 0));
  properties.emplace("fail_attempts", integer_schema(fail_attempts_range, 1));
  properties.emplace("max_attempts", integer_schema(attempts_range, 3));
  properties.emplace("max_concurrency", integer_schema(concurrency_range, 0));
  properties.emplace("join", join_schema());
  return {.description = "Runs as many echo tasks as asked for, with failures, sleeps and payloads on demand",
          .tags = {"builtin", "load"},
          .params_schema = params_schema(std::move(properties), json::array{"count"}),
          .stages = {"plan: says how many tasks follow", "echo: count tasks, each returns its number"}};
}

std::vector<TaskDefinition> FanOutJob::create_stage_tasks(int stage, const JobContext& context) const {
  const auto fan = FanOut::from(context.job_params());
  std::vector<TaskDefinition> tasks;
  if (stage == plan_stage) {
    tasks.push_back({"plan", {{"count", fan.count}}});
    return tasks;
  }
  const auto count = context.stage_result(plan_stage).at("count").as_int64();
  tasks.reserve(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) tasks.push_back({"echo", echo_params(fan, k)});
  return tasks;
}

std::optional<json::value> FanOutJob::pull_stage_tasks(int, const JobContext& context, const json::value& cursor,
                                                       TaskSink& tasks) const {
  const auto fan = FanOut::from(context.job_params());
  auto k = cursor.is_null() ? 0 : cursor.as_int64();
  for (; k < fan.count && !tasks.full(); ++k) tasks.add({"echo", echo_params(fan, k)});
  return k < fan.count ? std::optional<json::value>(k) : std::nullopt;
}

json::object FanOutJob::aggregate_stage_results(int, const StageResults& results) const {
  return {{"count", results[0].at("count")}};  // of the plan; the echoes are folded
}

namespace {

struct SumFold : StageFold {
  json::value init() const override { return 0; }
  void step(json::value& sum, TaskIndex, const json::value& result) const override {
    sum = sum.to_number<std::int64_t>() + result.at("i").to_number<std::int64_t>();
  }
  void merge(json::value& sum, const json::value& other) const override {
    sum = sum.to_number<std::int64_t>() + other.to_number<std::int64_t>();
  }
  json::object finish(const json::value& sum, const StageOutcome& outcome) const override {
    return {{"count", outcome.total()}, {"succeeded", outcome.completed()}, {"failed", outcome.failed()}, {"sum", sum}};
  }
};

}  // namespace

std::unique_ptr<StageFold> FanOutJob::make_fold(int stage) const {
  return stage == echo_stage ? std::make_unique<SumFold>() : nullptr;
}

bool FanOutJob::should_advance_stage(int stage, const JobContext&) const {
  return stage < echo_stage;
}

json::object FanOutJob::get_final_result(const JobContext& context) const {
  return context.stage_result(echo_stage);
}

StagePolicy FanOutJob::stage_policy(int stage, const JobContext& context) const {
  if (stage != echo_stage) return {};
  const auto fan = FanOut::from(context.job_params());
  constexpr Milliseconds delay{10};
  return {.join = fan.join,
          .max_concurrency = static_cast<std::uint32_t>(fan.max_concurrency),
          .retry = RetryPolicy{.max_attempts = static_cast<std::uint32_t>(fan.max_attempts),
                               .first_delay = delay,
                               .factor = 1.0,
                               .max_delay = delay,
                               .jitter = true},
          .lazy = fan.count > eager_count};
}

}  // namespace coremachine::builtin
