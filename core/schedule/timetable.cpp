#include "core/schedule/timetable.hpp"

#include <algorithm>

#include <boost/assert.hpp>

namespace coremachine::schedule {

namespace {

constexpr Milliseconds tick{1};
/// Nothing is due outside of these, so that no sum of two times overflows.
constexpr Timestamp first_time = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
constexpr Timestamp last_time = std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1};

/// The same on every machine, in every version: what is due at one time must not depend on who works it out.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ULL;
  return hash;
}
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

Timestamp last_at_or_before(const Interval& interval, Timestamp time) {
  const auto every = interval.every.count();
  return interval.anchor + Milliseconds{floor_divide((time - interval.anchor).count(), every) * every};
}

}  // namespace

Timetable::Timetable(const ScheduleSpec& spec, std::variant<CronTiming, Interval> timing)
    : timing_(std::move(timing)),
      starts_at_(spec.starts_at),
      ends_at_(spec.ends_at),
      jitter_(spec.jitter),
      seed_(hash_of(spec.name)) {}

Result<Timetable> Timetable::make(const ScheduleSpec& spec, const ZoneSource& zones) {
  if (const auto* interval = std::get_if<Interval>(&spec.timing)) {
    if (interval->every < shortest_interval) {
      return Error{ErrorCode::invalid_argument, "an interval is at least a second"};
    }
    if (interval->anchor < first_time || interval->anchor >= last_time) {
      return Error{ErrorCode::invalid_argument, "the anchor of an interval is in the years 1 to 9999"};
    }
    return Timetable(spec, *interval);
  }
  const auto& cron = std::get<Cron>(spec.timing);
  auto expression = CronExpression::parse(cron.expression);
  if (!expression) return expression.error();
  auto zone = zones(cron.time_zone);
  if (!zone) return zone.error();
  return Timetable(spec, CronTiming{std::move(*expression), std::move(*zone)});
}

/// Without regard to begin and end.
std::optional<Timestamp> Timetable::next_anyway(Timestamp after) const {
  if (const auto* cron = std::get_if<CronTiming>(&timing_)) return cron->expression.next(after, cron->zone);
  if (after >= last_time) return std::nullopt;
  const auto& interval = std::get<Interval>(timing_);
  const auto found = last_at_or_before(interval, std::max(after, first_time)) + interval.every;
  return found < last_time ? std::optional(found) : std::nullopt;
}

std::optional<Timestamp> Timetable::next(Timestamp after) const {
  if (starts_at_ && *starts_at_ > after) after = *starts_at_ - tick;
  const auto found = next_anyway(after);
  return found && (!ends_at_ || *found < *ends_at_) ? found : std::nullopt;
}

std::vector<Timestamp> Timetable::upcoming(Timestamp after, std::size_t count) const {
  std::vector<Timestamp> times;
  for (auto time = next(after); time && times.size() < count; time = next(*time)) times.push_back(*time);
  return times;
}

Timestamp Timetable::due_at(Timestamp scheduled_for) const {
  if (jitter_ <= Milliseconds{0}) return scheduled_for;
  auto within = jitter_;
  if (const auto following = next_anyway(scheduled_for)) within = std::min(within, *following - scheduled_for);
  const auto time = static_cast<std::uint64_t>(scheduled_for.time_since_epoch().count());
  const auto drawn = mixed(seed_ ^ mixed(time)) % static_cast<std::uint64_t>(within.count());
  return scheduled_for + Milliseconds{static_cast<std::int64_t>(drawn)};
}

/// The last firing that is not after `now`; `first` is one.
Timestamp Timetable::newest_between(Timestamp first, Timestamp now) const {
  if (const auto* interval = std::get_if<Interval>(&timing_)) {
    const auto end = ends_at_ ? std::min(now, *ends_at_ - tick) : now;
    return last_at_or_before(*interval, std::min(end, last_time - tick));
  }
  // From one tick before the firing on, nothing more comes until `now`; so it is found by halving.
  auto before = first - tick;
  auto after = now;
  while (after - before > tick) {
    const auto middle = before + (after - before) / 2;
    const auto found = next(middle);
    (found && *found <= now ? before : after) = middle;
  }
  return after;
}

std::uint64_t Timetable::count(Timestamp first, Timestamp newest) const {
  if (const auto* interval = std::get_if<Interval>(&timing_)) {
    return static_cast<std::uint64_t>((newest - first) / interval->every) + 1;
  }
  std::uint64_t total = 1;
  for (auto time = first; time < newest && total < most_counted; ++total) time = *next(time);
  return total;
}

DueTimes Timetable::due(Timestamp from, Timestamp now, std::size_t keep) const {
  DueTimes due;
  const auto first = next(from - tick);
  due.next = first;
  if (!first || *first > now) return due;

  auto newest = next(*first);
  // Nearly always there is one.
  newest = newest && *newest <= now ? newest_between(*first, now) : *first;
  if (due_at(*newest) > now) {
    due.next = newest;
    if (*newest == *first) return due;
    newest = newest_between(*first, *newest - tick);
  } else {
    due.next = next(*newest);
  }
  due.total = count(*first, *newest);
  while (due.newest.size() < keep) {
    due.newest.push_back(*newest);
    if (*newest == *first) break;
    newest = newest_between(*first, *newest - tick);
  }
  std::reverse(due.newest.begin(), due.newest.end());
  return due;
}

}  // namespace coremachine::schedule
