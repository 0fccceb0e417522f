#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace coremachine::schedule {

using Seconds = std::chrono::seconds;
using Instant = std::chrono::sys_seconds;

/// Far outside of every calendar, and far inside of what 64 bits of milliseconds hold.
inline constexpr Instant beginning_of_time{Seconds{-100'000'000'000'000}};
inline constexpr Instant end_of_time{Seconds{100'000'000'000'000}};

/// A stretch of time in which a zone keeps its offset: from `begin`, up to but not including `end`.
struct Span {
  Instant begin = beginning_of_time;
  Instant end = end_of_time;
  Seconds offset{0};  ///< local time minus UTC
};

/// The rule at the end of a time zone file, for the times after its table: `CET-1CEST,M3.5.0,M10.5.0/3`.
/// As POSIX has it for the variable TZ, with the names in angle brackets and the hours from −167 to 167 of RFC 9636.
class PosixRule {
 public:
  /// Nothing for what is no such rule.
  static std::optional<PosixRule> parse(std::string_view text);

  Span span_at(Instant time) const;

 private:
  /// The day of a change in any year, and the local time of that day.
  struct Day {
    enum class Kind : std::uint8_t { never_leap, of_year, of_week };
    Kind kind = Kind::of_week;
    unsigned number = 0;  // 1 … 365 without 29 February; or 0 … 365 with it
    unsigned month = 1;   // these three: the `week`-th `weekday` of `month`, the last one if `week` is 5
    unsigned week = 1;
    unsigned weekday = 0;
    Seconds time{7200};
  };
  struct Daylight {
    Seconds offset{0};
    Day begin;
    Day end;
  };
  struct Reader;

  static std::chrono::sys_days date_of(const Day& day, std::chrono::year year);

  Seconds standard_{0};
  std::optional<Daylight> daylight_;
};

}  // namespace coremachine::schedule
