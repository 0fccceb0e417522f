#include "core/schedule/cron.hpp"

#include <algorithm>
#include <bit>

namespace coremachine::schedule {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::sys_days;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr int months_searched = 50 * 12;
/// Where the search begins at the earliest, and where it ends.
constexpr Timestamp first_time = sys_days{std::chrono::year{1} / 1 / 1};
constexpr Timestamp last_time = sys_days{std::chrono::year{10'000} / 1 / 1};
constexpr unsigned none = 64;

/// The lowest value of the set that is not below `from`.
unsigned first_of(std::uint64_t bits, unsigned from) {
  if (from >= none) return none;
  return static_cast<unsigned>(std::countr_zero(bits >> from << from));
}

unsigned last_day_of(year_month month) {
  return static_cast<unsigned>((month / std::chrono::last).day());
}

unsigned weekday_of(year_month month, unsigned day) {
  return std::chrono::weekday{sys_days{month / std::chrono::day{day}}}.c_encoding();
}

std::uint32_t bit(unsigned day) {
  return std::uint32_t{1} << day;
}

/// Monday to Friday, as near to the day as it gets without leaving the month.
unsigned nearest_weekday(year_month month, unsigned day, unsigned last) {
  switch (weekday_of(month, day)) {
    case 6: return day > 1 ? day - 1 : day + 2;
    case 0: return day < last ? day + 1 : day - 2;
    default: return day;
  }
}

}  // namespace

std::uint32_t CronExpression::days_by_date(year_month month) const {
  const auto last = last_day_of(month);
  auto found = static_cast<std::uint32_t>(days_);
  for (auto n = first_of(days_before_last_, 0); n < last; n = first_of(days_before_last_, n + 1)) {
    found |= bit(last - n);
  }
  for (auto day = first_of(nearest_weekdays_, 1); day <= last; day = first_of(nearest_weekdays_, day + 1)) {
    found |= bit(nearest_weekday(month, day, last));
  }
  if (last_weekday_) found |= bit(nearest_weekday(month, last, last));
  return found;
}

std::uint32_t CronExpression::days_by_weekday(year_month month) const {
  std::uint32_t found = 0;
  const auto last = last_day_of(month);
  auto weekday = weekday_of(month, 1);
  for (unsigned day = 1; day <= last; ++day, weekday = (weekday + 1) % 7) {
    const unsigned nth = nth_weekday_[weekday];
    const bool fits =
        (weekdays_ >> weekday & 1) != 0 || (nth >> ((day - 1) / 7 + 1) & 1) != 0 || ((nth & 1) != 0 && day + 7 > last);
    if (fits) found |= bit(day);
  }
  return found;
}

/// The days of a month that fit: bit n is the n-th.
std::uint32_t CronExpression::days_of(year_month month) const {
  const auto exist = bit(last_day_of(month)) * 2U - 2U;
  const auto by_date = days_by_date(month);
  const auto by_weekday = days_by_weekday(month);
  return exist & (any_day_ || any_weekday_ ? by_date & by_weekday : by_date | by_weekday);
}

/// The first time of day that fits and is not before `from`.
std::optional<Seconds> CronExpression::time_from(Seconds from) const {
  const auto of = [](unsigned h, unsigned m, unsigned s) { return Seconds{h * 3600L + m * 60L + s}; };
  const auto total = static_cast<unsigned>(from.count());
  const auto hour = total / 3600;
  const auto minute = total / 60 % 60;
  if ((hours_ >> hour & 1) != 0) {
    const auto second = (minutes_ >> minute & 1) != 0 ? first_of(seconds_, total % 60) : none;
    if (second != none) return of(hour, minute, second);
    const auto later = first_of(minutes_, minute + 1);
    if (later != none) return of(hour, later, first_of(seconds_, 0));
  }
  const auto later = first_of(hours_, hour + 1);
  if (later == none) return std::nullopt;
  return of(later, first_of(minutes_, 0), first_of(seconds_, 0));
}

/// The first civil time that fits and is not before `from`.
std::optional<CivilTime> CronExpression::match_from(CivilTime from) const {
  const auto today = floor<days>(from);
  const year_month_day date{today};
  auto month = date.year() / date.month();
  auto first_day = static_cast<unsigned>(date.day());
  for (int i = 0; i < months_searched; ++i, month += std::chrono::months{1}, first_day = 1) {
    if ((months_ >> static_cast<unsigned>(month.month()) & 1) == 0) continue;
    const std::uint64_t fitting = days_of(month);
    for (auto n = first_of(fitting, first_day); n != none; n = first_of(fitting, n + 1)) {
      const local_days day{month / std::chrono::day{n}};
      if (const auto time = time_from(day == today ? from - today : Seconds{0})) return day + *time;
    }
  }
  return std::nullopt;
}

/// Instants ascend with civil times, as each civil time has one: its first, or the end of the gap that it is in.
std::optional<Timestamp> CronExpression::next_by_clock(Instant after, const TimeZone& zone) const {
  auto civil = match_from(zone.to_local(after).civil + Seconds{1});
  for (; civil; civil = match_from(*civil + Seconds{1})) {
    const auto instant = zone.to_instants(*civil).first;
    if (instant > after) return instant;
    // The clocks show this time for the second time.
  }
  return std::nullopt;
}

std::optional<Timestamp> CronExpression::next_by_elapsed_time(Instant after, const TimeZone& zone) const {
  // What fits only where the clocks skip would be looked for without end.
  const Instant end = after + std::chrono::years{months_searched / 12};
  auto time = after + Seconds{1};
  while (time < end) {
    const auto span = zone.span_at(time);
    const auto civil = match_from(CivilTime{time.time_since_epoch() + span.offset});
    if (!civil) return std::nullopt;
    const Instant instant{civil->time_since_epoch() - span.offset};
    if (instant < span.end) return instant;
    time = span.end;
  }
  return std::nullopt;
}

std::optional<Timestamp> CronExpression::next(Timestamp after, const TimeZone& zone) const {
  if (after >= last_time) return std::nullopt;
  const auto begin = floor<Seconds>(std::max(after, first_time));
  const auto found = by_clock_ ? next_by_clock(begin, zone) : next_by_elapsed_time(begin, zone);
  return found && *found < last_time ? found : std::nullopt;
}

}  // namespace coremachine::schedule
