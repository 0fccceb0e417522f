#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/export.hpp>

namespace coremachine {

using Milliseconds = std::chrono::milliseconds;

/// Wall-clock time in UTC, to the millisecond: what users see and stores keep.
using Timestamp = std::chrono::sys_time<Milliseconds>;

/// `2026-01-31T12:00:00.000Z`.
COREMACHINE_API std::string to_rfc3339(Timestamp time);

/// A number with `ms`, `s`, `m`, `h` or `d` (`30s`, `1.5h`); nothing for anything else, negative or over 100 years.
COREMACHINE_API std::optional<Milliseconds> parse_duration(std::string_view text);

}  // namespace coremachine
