#pragma once

#include <cstdint>

#include <coremachine/registry/task_registry.hpp>

#include "handlers/params_reader.hpp"

namespace coremachine::builtin {

inline constexpr std::int64_t most_echoes = 10'000'000;

// What an echo can be asked for; a fan-out asks for the same.
inline constexpr IntegerRange sleep_ms_range{0, 3'600'000};
inline constexpr IntegerRange payload_bytes_range{0, 1'048'576};
inline constexpr IntegerRange fail_attempts_range{0, 1'000'000};

/// `{"i": k}` → `{"i": k}`. On demand it sleeps first (`sleep_ms`), fails its first attempts (`fail_attempts`), and
/// returns a `payload` of that many bytes (`payload_bytes`).
TaskResult echo(const json::object& params, TaskContext& context);
TaskInfo echo_info();

/// `{"count": n}` → `{"count": n}`: the first stage of a fan-out, whose result says how wide the second is.
TaskResult plan(const json::object& params);
TaskInfo plan_info();

}  // namespace coremachine::builtin
