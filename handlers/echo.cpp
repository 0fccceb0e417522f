#include "handlers/echo.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "handlers/schema.hpp"

namespace coremachine::builtin {

namespace {

/// Sleeping is what the handler is for, so it holds its thread; it wakes often enough to see that it is not wanted.
bool sleep_unless_cancelled(std::chrono::milliseconds time, const TaskContext& context) {
  constexpr std::chrono::steady_clock::duration longest_step = std::chrono::milliseconds(50);
  const auto end = std::chrono::steady_clock::now() + time;
  for (auto now = std::chrono::steady_clock::now(); now < end; now = std::chrono::steady_clock::now()) {
    if (context.cancelled()) return false;
    std::this_thread::sleep_for(std::min(longest_step, end - now));
  }
  return true;
}

TaskResult echo_on_demand(const json::object& params, TaskContext& context) {
  ParamsReader reader(params);
  const auto i = reader.integer("i", {});
  const auto sleep_ms = reader.integer("sleep_ms", sleep_ms_range, 0);
  const auto payload_bytes = reader.integer("payload_bytes", payload_bytes_range, 0);
  const auto fail_attempts = reader.integer("fail_attempts", fail_attempts_range, 0);
  require_fit(reader, "echo");

  if (!sleep_unless_cancelled(std::chrono::milliseconds(sleep_ms), context)) {
    return TaskFailure{.type = "cancelled", .message = "echo was cancelled in its sleep"};
  }
  if (context.attempt() <= fail_attempts) {
    // Nothing of the task itself is in the text: failures that are equal can then be kept as one.
    return TaskFailure{.type = "asked_to_fail",
                       .message = "echo was asked to fail its first " + std::to_string(fail_attempts) +
                                  (fail_attempts == 1 ? " attempt" : " attempts")};
  }
  json::object result{{"i", i}};
  if (payload_bytes > 0) result.emplace("payload", std::string(static_cast<std::size_t>(payload_bytes), 'x'));
  return result;
}

json::object integer_schema(IntegerRange range) {
  return {{"type", "integer"}, {"minimum", range.lowest}, {"maximum", range.highest}, {"default", 0}};
}

}  // namespace

TaskResult echo(const json::object& params, TaskContext& context) {
  const auto* i = params.size() == 1 ? params.if_contains("i") : nullptr;
  if (!i || !i->is_int64() || i->get_int64() < 0) return echo_on_demand(params, context);
  json::object result;
  result.emplace("i", i->get_int64());
  return result;
}

TaskInfo echo_info() {
  return {.description = "Returns its number; on demand after a sleep, after some failed attempts, or with a payload",
          .tags = {"builtin", "load"},
          .params_schema = params_schema({{"i", {{"type", "integer"}, {"minimum", 0}}},
                                          {"sleep_ms", integer_schema(sleep_ms_range)},
                                          {"payload_bytes", integer_schema(payload_bytes_range)},
                                          {"fail_attempts", integer_schema(fail_attempts_range)}},
                                         {"i"})};
}

TaskResult plan(const json::object& params) {
  ParamsReader reader(params);
  const auto count = reader.integer("count", {0, most_echoes});
  require_fit(reader, "plan");
  return json::object{{"count", count}};
}

TaskInfo plan_info() {
  return {.description = "Says how many tasks the next stage of a fan-out has",
          .tags = {"builtin", "load"},
          .params_schema =
              params_schema({{"count", {{"type", "integer"}, {"minimum", 0}, {"maximum", most_echoes}}}}, {"count"})};
}

}  // namespace coremachine::builtin
