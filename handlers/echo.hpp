#pragma once

#include <cstdint>

#include <coremachine/registry/typed.hpp>

namespace coremachine::builtin {

inline constexpr std::int64_t most_echoes = 10'000'000;

// What an echo can be asked for; a fan-out asks for the same.
inline constexpr std::int64_t longest_sleep_ms = 3'600'000;
inline constexpr std::int64_t most_payload_bytes = 1'048'576;
inline constexpr std::int64_t most_fail_attempts = 1'000'000;

struct EchoParams {
  std::int64_t i = 0;
  std::int64_t sleep_ms = 0;
  std::int64_t payload_bytes = 0;
  std::int64_t fail_attempts = 0;

  static void rules(params::Fields<EchoParams>& fields);
};
BOOST_DESCRIBE_STRUCT(EchoParams, (), (i, sleep_ms, payload_bytes, fail_attempts))

/// EchoParams → `{"i": k}`. On demand it sleeps first, fails its first attempts, and returns a `payload` of so many
/// bytes. It takes JSON, so that a task which is asked for nothing else costs next to nothing.
TaskResult echo(const json::object& params, TaskContext& context);
TaskInfo echo_info();

struct PlanParams {
  std::int64_t count = 0;

  static void rules(params::Fields<PlanParams>& fields) { fields[&PlanParams::count].range(0, most_echoes); }
};
BOOST_DESCRIBE_STRUCT(PlanParams, (), (count))

/// → `{"count": n}`: the first stage of a fan-out, whose result says how wide the second is.
TaskResult plan(const PlanParams& params);
TaskInfo plan_info();

}  // namespace coremachine::builtin
