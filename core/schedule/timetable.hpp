#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/schedule/schedule.hpp>

#include "core/schedule/cron.hpp"
#include "core/schedule/time_zone.hpp"

namespace coremachine::schedule {

/// How a time zone is found; `TimeZone::load` outside of tests.
using ZoneSource = std::function<Result<TimeZone>(std::string_view name)>;

/// What came due in a stretch of time.
struct DueTimes {
  std::vector<Timestamp> newest;       ///< ascending; as many as were asked for
  std::uint64_t total = 0;             ///< all of them; of cron at most `most_counted`
  std::optional<Timestamp> next = {};  ///< the first one after these
};

/// When a schedule is due: its timing worked out, with its begin, end and jitter. A value that never changes.
class Timetable {
 public:
  /// Of a cron schedule, so many firings of one downtime are counted at most.
  static constexpr std::uint64_t most_counted = 10'000;

  /// For a spec that has no faults (spec_faults) this fails only if `zones` does not have its time zone.
  static Result<Timetable> make(const ScheduleSpec& spec, const ZoneSource& zones = TimeZone::load);

  /// The first firing after `after`.
  std::optional<Timestamp> next(Timestamp after) const;
  /// The first `count` of them, for people to look at.
  std::vector<Timestamp> upcoming(Timestamp after, std::size_t count) const;

  /// When the firing of that time is to be acted on: its time and its jitter.
  Timestamp due_at(Timestamp scheduled_for) const;
  /// All that `now` is late enough for, of the firings at `from` and after it. Its cost is bounded, also after years.
  DueTimes due(Timestamp from, Timestamp now, std::size_t keep) const;

 private:
  struct CronTiming {
    CronExpression expression;
    TimeZone zone;
  };
  Timetable(const ScheduleSpec& spec, std::variant<CronTiming, Interval> timing);

  std::optional<Timestamp> next_anyway(Timestamp after) const;
  Timestamp newest_between(Timestamp first, Timestamp now) const;
  std::uint64_t count(Timestamp first, Timestamp newest) const;

  std::variant<CronTiming, Interval> timing_;
  std::optional<Timestamp> starts_at_;
  std::optional<Timestamp> ends_at_;
  Milliseconds jitter_;
  std::uint64_t seed_;
};

}  // namespace coremachine::schedule
