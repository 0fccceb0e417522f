#include "jobs/fan_out.hpp"

#include <boost/json/array.hpp>

namespace coremachine::builtin {

namespace {

constexpr int plan_stage = 1;
constexpr int echo_stage = 2;
/// Up to so many tasks are defined at once.
constexpr std::int64_t eager_count = 4096;

/// Nothing for what is no join.
std::optional<Join> join_from(const json::value& value) {
  if (value == "strict") return JoinAll{};
  if (value == "best_effort") return JoinBestEffort{};
  const auto* object = value.if_object();
  if (!object || object->size() != 1) return std::nullopt;
  const auto& how = *object->begin();
  if (how.key() == "at_least" || how.key() == "tolerate") {
    json::error_code not_exact;
    if (how.value().is_double() || !how.value().is_number()) return std::nullopt;
    const auto count = how.value().to_number<std::uint64_t>(not_exact);
    if (not_exact) return std::nullopt;
    return how.key() == "tolerate" ? Join(JoinTolerateCount{count}) : Join(JoinAtLeast{count});
  }
  const auto percent = how.value().is_number() ? how.value().to_number<double>() : -1.0;
  if (!(percent >= 0 && percent <= 100)) return std::nullopt;
  if (how.key() == "tolerate_percent") return JoinToleratePercent{percent};
  if (how.key() == "critical_percent") return JoinCritical{};
  return std::nullopt;
}

json::object echo_params(const FanOutParams& fan, std::int64_t k) {
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

/// Task k is critical if k mod 100 is below it.
double critical_percent(const FanOutParams& fan) {
  const auto* object = fan.join.if_object();
  const auto* percent = object ? object->if_contains("critical_percent") : nullptr;
  return percent ? percent->to_number<double>() : 0;
}

TaskDefinition echo_task(const FanOutParams& fan, std::int64_t k, double critical) {
  TaskDefinition task{"echo", echo_params(fan, k)};
  task.critical = static_cast<double>(k % 100) < critical;
  return task;
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
  forms.push_back(one_of_its_own("tolerate", {{"type", "integer"}, {"minimum", 0}}));
  for (const char* percent : {"tolerate_percent", "critical_percent"}) {
    forms.push_back(one_of_its_own(percent, {{"type", "number"}, {"minimum", 0}, {"maximum", 100}}));
  }
  json::object schema;
  schema.emplace("oneOf", std::move(forms));
  return schema;
}

}  // namespace

void FanOutParams::rules(params::Fields<FanOutParams>& fields) {
  using P = FanOutParams;
  fields.by_default();
  fields[&P::count].doc("how many echo tasks").range(0, most_echoes).required();
  fields[&P::sleep_ms].doc("of each task").range(0, longest_sleep_ms);
  fields[&P::payload_bytes].doc("in each result").range(0, most_payload_bytes);
  fields[&P::fail_percent].doc("task k fails if k mod 100 is below it").range(0, 100);
  fields[&P::fail_attempts].doc("how often those tasks fail before they succeed").range(0, most_fail_attempts);
  fields[&P::max_attempts].range(1, 1'000'000);
  fields[&P::join]
      .check([](const json::value& value) { return join_from(value).has_value(); },
             "\"strict\", \"best_effort\", {\"at_least\": tasks}, {\"tolerate\": tasks}, {\"tolerate_percent\": 0 to "
             "100} or "
             "{\"critical_percent\": 0 to 100}")
      .schema(join_schema());
  fields[&P::max_concurrency].doc("0: no limit");
  fields[&P::stragglers]
      .doc("what becomes of the tasks that are left when the outcome of the join is certain")
      .one_of({"cancel", "wait"});
  fields[&P::deadline_ms]
      .doc("of the fan-out: then it is joined with what has completed; 0: none")
      .range(0, 86'400'000);
}

JobInfo FanOutJob::info() {
  return {.description = "Runs as many echo tasks as asked for, with failures, sleeps and payloads on demand",
          .tags = {"builtin", "load"},
          .stages = {"plan: says how many tasks follow", "echo: count tasks, each returns its number"}};
}

std::vector<TaskDefinition> FanOutJob::create_stage_tasks(int stage, const JobContext& context) const {
  const auto fan = params(context);
  std::vector<TaskDefinition> tasks;
  if (stage == plan_stage) {
    tasks.push_back({"plan", params::to_json(PlanParams{fan.count})});
    return tasks;
  }
  const auto count = context.stage_result(plan_stage).at("count").as_int64();
  tasks.reserve(static_cast<std::size_t>(count));
  const auto critical = critical_percent(fan);
  for (std::int64_t k = 0; k < count; ++k) tasks.push_back(echo_task(fan, k, critical));
  return tasks;
}

std::optional<json::value> FanOutJob::pull_stage_tasks(int, const JobContext& context, const json::value& cursor,
                                                       TaskSink& tasks) const {
  const auto fan = params(context);
  auto k = cursor.is_null() ? 0 : cursor.as_int64();
  const auto critical = critical_percent(fan);
  for (; k < fan.count && !tasks.full(); ++k) tasks.add(echo_task(fan, k, critical));
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
  const auto fan = params(context);
  constexpr Milliseconds delay{10};
  return {.join = join_from(fan.join).value(),
          .stragglers = fan.stragglers == "wait" ? Stragglers::wait : Stragglers::cancel,
          .max_concurrency = fan.max_concurrency,
          .retry = RetryPolicy{.max_attempts = fan.max_attempts,
                               .first_delay = delay,
                               .factor = 1.0,
                               .max_delay = delay,
                               .jitter = true},
          .deadline = fan.deadline_ms > 0 ? std::optional(Milliseconds{fan.deadline_ms}) : std::nullopt,
          .lazy = fan.count > eager_count};
}

}  // namespace coremachine::builtin
