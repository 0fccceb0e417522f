#include "handlers/echo.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

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
  const auto asked = params::parse<EchoParams>(params);
  if (!asked) return unfit_params(asked.error());
  if (!sleep_unless_cancelled(std::chrono::milliseconds(asked->sleep_ms), context)) {
    return TaskFailure{.type = "cancelled", .message = "echo was cancelled in its sleep"};
  }
  if (context.attempt() <= asked->fail_attempts) {
    // Nothing of the task itself is in the text: failures that are equal can then be kept as one.
    return TaskFailure{.type = "asked_to_fail",
                       .message = "echo was asked to fail its first " + std::to_string(asked->fail_attempts) +
                                  (asked->fail_attempts == 1 ? " attempt" : " attempts")};
  }
  json::object result{{"i", asked->i}};
  if (asked->payload_bytes > 0) {
    result.emplace("payload", std::string(static_cast<std::size_t>(asked->payload_bytes), 'x'));
  }
  return result;
}

}  // namespace

void EchoParams::rules(params::Fields<EchoParams>& fields) {
  fields[&EchoParams::i].at_least(0);
  fields[&EchoParams::sleep_ms].range(0, longest_sleep_ms).by_default();
  fields[&EchoParams::payload_bytes].range(0, most_payload_bytes).by_default();
  fields[&EchoParams::fail_attempts].range(0, most_fail_attempts).by_default();
}

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
          .params_schema = params::schema<EchoParams>(),
          .validate_params = params::validator<EchoParams>()};
}

TaskResult plan(const PlanParams& params) {
  return json::object{{"count", params.count}};
}

TaskInfo plan_info() {
  return {.description = "Says how many tasks the next stage of a fan-out has", .tags = {"builtin", "load"}};
}

}  // namespace coremachine::builtin
