#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/model/time.hpp>
#include <coremachine/schedule/schedule.hpp>

namespace coremachine::schedule {

namespace json = boost::json;

class DocumentReader;

/// One thing that is wrong with a document, and where: `#/cron`.
struct Fault {
  std::string pointer;
  std::string detail;
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// A value, or everything that is wrong with the text of it. There is a value exactly if there is no fault.
template <class T>
struct Reading {
  std::optional<T> value = {};
  std::vector<Fault> faults = {};
};

/// A spec as users write it and stores keep it. `name` and `job_type` are due, and one of `cron` and `every`:
///
///   {"name": "nightly", "job_type": "report", "params": {}, "time_param": null, "tags": [], "priority": 0, "timeout":
///   null,
///    "cron": "30 2 * * *", "time_zone": "Europe/Berlin",      or   "every": "15m", "anchor": "2026-01-01T00:05:00Z"
///    "overlap": "skip", "catch_up_limit": 1, "jitter": "30s", "paused": false,
///    "starts_at": "2026-01-01T00:00:00.000Z", "ends_at": "2027-01-01T00:00:00.000Z"}
///
/// Members that do not belong there, wrong types and all that `spec_faults` finds are faults. Only a spec without
/// faults may be written.
json::object to_json(const ScheduleSpec& spec);
Reading<ScheduleSpec> read_spec(const json::value& document);

/// What is wrong with a spec, wherever it comes from, but for an unknown time zone: that takes a look at files, and
/// Timetable::make does it. Without faults, it can fail for no other reason; its pointer would be `#/time_zone`.
std::vector<Fault> spec_faults(const ScheduleSpec& spec);

json::object to_json(const Firing& firing);
/// The members of a firing, of an object that may have others.
Firing read_firing(DocumentReader& in);

/// A state as stores keep it and users see it. Counts of 0 and empty lists are written, and may be missing.
json::object to_json(const ScheduleState& state);
Reading<ScheduleState> read_state(const json::value& document);

/// `2026-01-31T12:00:00.000Z`, with an offset in place of Z, or with another number of decimals, of which those beyond
/// the third are cut off. Nothing for what is no such time.
std::optional<Timestamp> parse_rfc3339(std::string_view text);

/// In the largest unit that has no decimals: `90s`, `2h`. What parse_duration reads.
std::string duration_text(Milliseconds duration);

}  // namespace coremachine::schedule
