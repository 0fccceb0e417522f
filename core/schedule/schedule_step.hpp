#pragma once

#include <string>
#include <variant>
#include <vector>

#include <coremachine/model/ids.hpp>
#include <coremachine/schedule/schedule.hpp>

#include "core/schedule/timetable.hpp"

namespace coremachine::schedule {

// The life of a schedule, as a pure function: no clock, no I/O. Who calls it carries the actions out.
//
//   event        when it is sent                               what it does
//   -----------  --------------------------------------------  ------------------------------------------------------
//   SpecChanged  the schedule is new, or its spec is another    works `next_at` out again; what waits goes on under
//                                                               the new policy
//   Paused       `spec.paused` is set now                       no `next_at`; what waits stays, except by hand
//   Resumed      `spec.paused` is cleared now                   `next_at` from now on: what would have come due
//                                                               meanwhile is not made up for and not counted
//   Ticked       the timer rang, or at any other time           what is due fires: the newest if it is at most
//                                                               `on_time_within` late, of the others as many as
//                                                               `catch_up_limit` says, the newest; the rest is missed
//   Recovered    once after each start, before all others       submits again what was `starting`; asks again for
//                                                               cancels; what is due was missed, all of it
//   RunNow       somebody asked for it, paused or not           fires once, for the time `now`
//   JobAccepted  a Submit was carried out                       from `starting` to `running`
//   JobRefused   a Submit was refused for good                  out of `starting`; what waits may follow
//   JobEnded     a job that was accepted is over                out of `running`; what waits may follow
//
//   a firing     no job starting      one is, or waits, and the policy is
//                or running           skip     queue_one            cancel_running               allow
//   -----------  -------------------  -------  -------------------  ---------------------------  ------
//   on time,     submitted            skipped  waits; skipped if     waits in place of what       submitted
//   by hand                                    one that is not made  waited, which is skipped;
//                                              up waits already      the jobs are cancelled
//   made up      submitted            waits    waits                 waits, and is the only one   submitted
//
// What waits is submitted when nothing is starting or running, one after the other. Of made-up firings at most
// `catch_up_limit` wait; the oldest gives way, as missed. First seen wins: a firing whose time is starting or waiting
// already is not seen again, and a job that is not known, or not any more, may end as it likes.
//
// A firing is never doubled. Carry the actions out in their order: the state is saved first, in the same batch as the
// submissions or before them. After a crash in between, `starting` says what may not have been submitted, and the
// idempotency key makes a job of it once. A refusal because that key is in use with other params means that the job
// exists: it is a JobAccepted.

struct Ticked {};
struct Recovered {};
struct SpecChanged {};
struct Paused {};
struct Resumed {};
struct RunNow {};
struct JobAccepted {
  Firing firing;
  JobId id;
};
/// Not for what is refused only for now, because of load or a full disk: try that again, the firing stays `starting`.
struct JobRefused {
  Firing firing;
  std::string why;
};
/// After the JobAccepted of that job. After Recovered: for each of `running` that is over or unknown.
struct JobEnded {
  JobId id;
};
using Event = std::variant<Ticked, Recovered, SpecChanged, Paused, Resumed, RunNow, JobAccepted, JobRefused, JobEnded>;

/// The state is to be stored, together with or before everything that follows in the list.
struct Save {
  friend bool operator==(const Save&, const Save&) = default;
};
/// A job of the spec's type and params, with this idempotency key; to be answered by JobAccepted or JobRefused.
struct Submit {
  Firing firing;
  std::string idempotency_key;
  friend bool operator==(const Submit&, const Submit&) = default;
};
/// It may be over already; JobEnded follows in any case.
struct CancelJob {
  JobId id;
  friend bool operator==(const CancelJob&, const CancelJob&) = default;
};
/// Send Ticked then; in place of any timer before. A timer too many, or too early, does no harm. The wall clock may be
/// set while the timer runs, so wait in steps of at most a minute or so, and send Ticked after each.
struct SetTimer {
  Timestamp at{};
  friend bool operator==(const SetTimer&, const SetTimer&) = default;
};
using Action = std::variant<Save, Submit, CancelJob, SetTimer>;

/// How late a firing may be and still not have been missed, while the process runs.
inline constexpr Milliseconds on_time_within{60'000};
/// A clock that is set back by less than this does not bring back what has fired. One that is set back by more was
/// wrong before, and the schedule goes by the new time.
inline constexpr Milliseconds trusted_step_back{24LL * 3600 * 1000};

/// Takes a schedule through one event. Total: every event is answered in every state. `times` is of this `spec`.
std::vector<Action> step(const ScheduleSpec& spec, const Timetable& times, ScheduleState& state, const Event& event,
                         Timestamp now);

}  // namespace coremachine::schedule
