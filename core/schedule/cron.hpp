#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

#include "core/schedule/time_zone.hpp"

namespace coremachine::schedule {

/// When something is due, by the calendar and the clock: `30 2 * * MON-FRI`.
///
/// Five fields, or six with the seconds first: minute 0-59, hour 0-23, day of month 1-31, month 1-12 or JAN-DEC, day of
/// week 0-7 or SUN-SAT (0 and 7 are Sunday). A field is a list, with commas, of
///
///   5   2-4   */15   10-40/5   5/15 (from 5 on, every 15)   *   ? (as *, in the two day fields)
///   L (last day of the month)   L-2 (two before it)   15W (the weekday nearest to the 15th)   LW (the last weekday)
///   5#2 or FRI#2 (the second Friday of the month)   5L (the last Friday)
///
/// @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually stand for what they say.
///
/// **Days.** If both day fields are restricted, a day that fits either of them fits. A field that has a `*` or `?` in
/// it, also as `*/2`, is not restricted; then a day has to fit both.
///
/// **Clocks that change.** As in Vixie cron. If neither the minute nor the hour has a `*` in it, the expression names
/// times of the day, and each of them comes once a day: one that the clocks skip is due at the first instant after
/// the gap, one that they show twice is due the first time. Several that fall into one gap are due once, together.
/// Any other expression goes by elapsed time: it fires whenever the clocks show a time that fits, so also in the hour
/// that comes twice, and never for a time that is skipped.
class CronExpression {
 public:
  /// Error, invalid_argument: what is wrong with which field, and what would be right.
  static Result<CronExpression> parse(std::string_view text);

  /// The first instant after `after`, to the second, that fits; nothing if there is none within the next 50 years
  /// (30 February), or before the year 10,000. Of expressions that ever fit, none takes longer than 40.
  std::optional<Timestamp> next(Timestamp after, const TimeZone& zone) const;

  /// As it was parsed, without spaces around it.
  const std::string& text() const { return text_; }

 private:
  friend class CronParser;
  using Bits = std::uint64_t;  // bit n stands for the value n

  std::optional<CivilTime> match_from(CivilTime from) const;
  std::optional<Seconds> time_from(Seconds from) const;
  std::uint32_t days_of(std::chrono::year_month month) const;
  std::uint32_t days_by_date(std::chrono::year_month month) const;
  std::uint32_t days_by_weekday(std::chrono::year_month month) const;
  std::optional<Timestamp> next_by_clock(Instant after, const TimeZone& zone) const;
  std::optional<Timestamp> next_by_elapsed_time(Instant after, const TimeZone& zone) const;

  std::string text_;
  Bits seconds_ = 1;
  Bits minutes_ = 0;
  Bits hours_ = 0;
  Bits days_ = 0;
  Bits months_ = 0;
  Bits weekdays_ = 0;                          // bit 0 is Sunday
  Bits days_before_last_ = 0;                  // bit 0: L, bit 2: L-2
  Bits nearest_weekdays_ = 0;                  // bit 15: 15W
  bool last_weekday_ = false;                  // LW
  std::array<std::uint8_t, 7> nth_weekday_{};  // by weekday: bit 2: #2, bit 0: L
  bool any_day_ = false;                       // the day of month is not restricted
  bool any_weekday_ = false;
  bool by_clock_ = false;  // names times of the day
};

}  // namespace coremachine::schedule
