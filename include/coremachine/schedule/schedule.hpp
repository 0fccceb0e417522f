#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine {

/// By the calendar and the clock of a place: `{"30 2 * * MON-FRI", "Europe/Berlin"}`. docs/guide/schedules.md has the
/// whole language, and what happens when the clocks change.
struct Cron {
  std::string expression;
  std::string time_zone = "UTC";

  friend bool operator==(const Cron&, const Cron&) = default;
};

/// Every so often: at `anchor`, and at every whole multiple of `every` before and after it. It does not drift.
struct Interval {
  Milliseconds every{0};  ///< at least a second, at most 100 years
  Timestamp anchor{};     ///< 1970-01-01T00:00Z by default, so that an hour is due on the hour

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// What becomes of a firing that comes due while a job of the same schedule is not over.
enum class OverlapPolicy : std::uint8_t {
  skip,            ///< it is left out
  queue_one,       ///< it waits for that job to end; while one waits, others are left out
  cancel_running,  ///< that job is cancelled, and the firing follows when it is over
  allow,           ///< both run
};

COREMACHINE_API std::string_view to_string(OverlapPolicy policy);
COREMACHINE_API std::optional<OverlapPolicy> overlap_policy_from(std::string_view text);

/// What is to be submitted, and when. It says what somebody wants; ScheduleState says what came of it.
struct ScheduleSpec {
  std::string name;  ///< its identity; a name as job types have it
  std::string job_type;
  std::string params = "{}";  ///< JSON text of an object
  /// The param of each job that is the time its firing stands for, as `2026-01-31T01:30:00.000Z`; empty: none is.
  std::string time_param = {};
  std::vector<std::string> tags = {};
  int priority = 0;                          ///< −100 … 100
  std::optional<Milliseconds> timeout = {};  ///< of each job, from when it begins
  std::variant<Cron, Interval> timing = Cron{};
  OverlapPolicy overlap = OverlapPolicy::skip;
  /// How many of the firings that were missed while nobody was there to fire them are made up for: the newest ones.
  std::uint32_t catch_up_limit = 1;
  /// A firing comes later than its time by up to this much, so that what is due at one time does not begin at one
  /// time. Always less than the time to the next firing, and the same for one firing however often it is worked out.
  Milliseconds jitter{0};
  bool paused = false;
  std::optional<Timestamp> starts_at = {};  ///< no firing before it
  std::optional<Timestamp> ends_at = {};    ///< no firing at it or after it

  friend bool operator==(const ScheduleSpec&, const ScheduleSpec&) = default;
};

inline constexpr std::uint32_t max_catch_up = 100;
inline constexpr Milliseconds max_jitter{24LL * 3600 * 1000};
inline constexpr Milliseconds shortest_interval{1000};
/// Jobs of one schedule whose end is waited for. Under `allow` there may be more; then the oldest are no longer known.
inline constexpr std::size_t max_running = 256;
/// Firings whose submission was not answered yet. Further ones are left out.
inline constexpr std::size_t max_starting = 256;

/// One time at which a schedule is due.
struct Firing {
  Timestamp scheduled_for{};
  enum class Kind : std::uint8_t {
    on_time,
    made_up,  ///< after it was missed
    by_hand,  ///< somebody asked for it
  };
  Kind kind = Kind::on_time;

  friend bool operator==(const Firing&, const Firing&) = default;
};

/// Where a schedule is. Bounded in size, whatever happens.
struct ScheduleState {
  std::optional<Timestamp> last_fired = {};  ///< the time of the newest firing that was submitted, not one by hand
  std::optional<Timestamp> next_at = {};     ///< none: paused, or it never fires again
  std::vector<Firing> starting = {};         ///< to be submitted; what job they became is not known yet
  std::vector<JobId> running = {};           ///< jobs that are not over
  std::vector<Firing> waiting = {};          ///< for those jobs to end; oldest first
  std::uint64_t fired = 0;                   ///< submitted
  std::uint64_t skipped = 0;                 ///< left out because of the overlap policy
  std::uint64_t missed = 0;                  ///< came due while nobody was there, and were not made up for
  std::uint64_t refused = 0;                 ///< of those that fired: no job came of it
  std::string last_error = {};               ///< why the last of these was refused

  friend bool operator==(const ScheduleState&, const ScheduleState&) = default;
};

/// The same for one firing however often it is submitted, different for any other: `schedule:nightly:2026-01-31T…`.
COREMACHINE_API std::string idempotency_key(std::string_view schedule, const Firing& firing);

}  // namespace coremachine
