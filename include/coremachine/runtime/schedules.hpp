#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/view.hpp>
#include <coremachine/schedule/schedule.hpp>

namespace coremachine {

/// What one firing came to.
struct FiringRecord {
  Firing firing;                  ///< the time that it stands for
  Timestamp fired_at{};           ///< when it was submitted
  std::optional<JobId> job = {};  ///< none: it was refused, or is not answered yet
  std::string error = {};         ///< why it was refused

  friend bool operator==(const FiringRecord&, const FiringRecord&) = default;
};

/// A schedule as a reader sees it. Whatever it shows is on disk, but for `next_times` and `trouble`, which are worked
/// out anew for each view.
struct ScheduleView {
  std::string id;  ///< the spec's name
  ScheduleSpec spec;
  ScheduleState state;
  std::vector<Timestamp> next_times;  ///< none: it is paused, or over; jitter comes on top
  std::vector<FiringRecord> recent;   ///< newest first, at most `most_recent`
  Timestamp created_at{};
  Timestamp updated_at{};  ///< when its spec was set, paused or resumed last
  /// Why it cannot do what it is to do: its job type or its time zone is gone, the job type does not take its params
  /// any more. Empty: nothing is wrong.
  std::string trouble;

  static constexpr std::size_t most_recent = 10;
};

/// Which schedules are listed: those of which all that is said here is true, by id.
struct ScheduleQuery {
  std::string job_type = {};           ///< empty: any
  std::vector<std::string> tags = {};  ///< all of them
  std::optional<bool> paused = {};
  std::size_t next_times = 5;  ///< of each; at most `most_next_times`
  std::size_t limit = 50;
  std::string cursor = {};  ///< of the page before

  static constexpr std::size_t most_next_times = 100;
};
struct SchedulePage {
  std::vector<ScheduleView> items;
  std::optional<std::string> next_cursor = {};  ///< none: there are no more
};

/// What became of `put_schedule`.
struct SchedulePut {
  ScheduleView schedule;
  bool created = false;  ///< there was none of this id
};

/// What became of `run_schedule`.
struct ScheduleRun {
  Firing firing;
  std::optional<JobView> job = {};  ///< none: the firing waits for a job of the schedule that is not over
};

/// A spec out of the JSON object that a user writes (docs/guide/schedules.md has its members). `id` may stand in place
/// of `name`. With neither, the name is the `id` that is passed here; if that is empty too, so is the name, and
/// create_schedule makes one. Error, invalid_params: `faults` has all that is wrong, each with its pointer into the
/// body ("/cron", "/tags/0").
COREMACHINE_API Result<ScheduleSpec> read_schedule(const json::value& body, std::string_view id = {});

/// The members of the body, and besides `id`, `status` (`active`, `paused`, `finished`: it never fires again, or
/// `broken`, see `trouble`), `next_times`, `last_firing`, `recent_firings`, `running`, `waiting`, `fired`, `skipped`,
/// `missed`, `refused`, `last_error`, `error` (`trouble`), `created_at`, `updated_at`.
COREMACHINE_API json::object to_json(const ScheduleView& view, bool with_params = true);
/// `{items, next_cursor}`
COREMACHINE_API json::object to_json(const SchedulePage& page, bool with_params = false);
/// The job; or `{scheduled_for, waiting: true}` while there is none.
COREMACHINE_API json::object to_json(const ScheduleRun& run);

}  // namespace coremachine
