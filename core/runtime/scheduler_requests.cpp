// What people ask of schedules, and what they are shown.

#include <algorithm>
#include <utility>

#include "core/model/suggest.hpp"
#include "core/runtime/schedule_faults.hpp"
#include "core/runtime/scheduler.hpp"

namespace coremachine::runtime {
namespace {

using namespace schedule;

constexpr std::size_t most_listed = 200;

bool contains(const std::vector<Firing>& firings, const Firing& firing) {
  return std::find(firings.begin(), firings.end(), firing) != firings.end();
}

bool is_wanted(const ScheduleSpec& spec, const ScheduleQuery& query) {
  const auto has = [&](const std::string& tag) {
    return std::find(spec.tags.begin(), spec.tags.end(), tag) != spec.tags.end();
  };
  return (query.job_type.empty() || spec.job_type == query.job_type) &&
         (!query.paused || spec.paused == *query.paused) && std::all_of(query.tags.begin(), query.tags.end(), has);
}

/// Why a firing by hand was left out.
Error left_out(const ScheduleSpec& spec, const ScheduleState& state) {
  std::string why = "the firing is left out: ";
  if (!state.running.empty()) {
    why += "job " + state.running.back().str() + " of this schedule is not over";
  } else {
    why += "a job of this schedule is about to begin";
  }
  if (!state.waiting.empty()) why += ", another firing waits for that";
  return Error{ErrorCode::wrong_state, why + ", and the overlap policy is " + std::string(to_string(spec.overlap))};
}

}  // namespace

Error Scheduler::unknown(std::string_view id) const {
  if (const auto found = unreadable_.find(id); found != unreadable_.end()) {
    return Error{ErrorCode::store_damaged, "the schedule " + found->first + " cannot be read: " + found->second +
                                               "; it can be replaced or removed"};
  }
  std::vector<std::string_view> known;
  for (const auto& [name, entry] : entries_) known.push_back(name);
  return Error{ErrorCode::unknown_schedule, describe_unknown("schedule", id, known)};
}

void Scheduler::create(Sound sound, Then<ScheduleView> then) {
  const auto id = sound.spec.name;
  const auto* taken = find(id);
  if (taken || unreadable_.contains(id)) {
    const Error why{ErrorCode::wrong_state, "there is a schedule " + quoted_name(id) + " already"};
    return answer<ScheduleView>(std::max(roster_saved_, taken ? taken->saved : 0), why, then);
  }
  put(std::move(sound), [then = std::move(then)](Result<SchedulePut> put) {
    if (!put) return then(put.error());
    then(std::move(put->schedule));
  });
}

void Scheduler::put(Sound sound, const Then<SchedulePut>& then) {
  const auto id = sound.spec.name;
  const auto now = host_.now();
  auto* entry = find(id);
  const bool created = !entry;
  if (created) {
    ScheduleRecord record;
    record.spec = std::move(sound.spec);
    record.created_at = now;
    entry = &add(std::move(record), std::move(sound.times));
    unreadable_.erase(id);
  } else {
    entry->record.spec = std::move(sound.spec);
    entry->times = std::move(sound.times);
    entry->trouble.clear();
    entry->complaint.clear();
  }
  entry->record.updated_at = now;
  tell(*entry, SpecChanged{}, now, Write::all);
  if (created) roster_saved_ = entry->saved;
  answer<SchedulePut>(entry->saved, SchedulePut{view_of(*entry, ScheduleQuery{}.next_times), created}, then);
}

void Scheduler::remove(const std::string& id, const Then<void>& then) {
  auto* entry = find(id);
  if (!entry && !unreadable_.contains(id)) return answer<void>(roster_saved_, unknown(id), then);
  if (entry) {
    if (entry->alarm) alarms_.erase({*entry->alarm, id});
    entries_.erase(id);
  }
  unreadable_.erase(id);
  save({{spec_setting, id, nullptr}, {state_setting, id, nullptr}}, told(Result<void>(), then));
  roster_saved_ = saves_;
}

void Scheduler::set_paused(const std::string& id, bool paused, const Then<ScheduleView>& then) {
  auto* entry = find(id);
  if (!entry) return answer<ScheduleView>(roster_saved_, unknown(id), then);
  auto& spec = entry->record.spec;
  if (!paused && !entry->trouble.empty() && !finds_zone(*entry)) {
    return answer<ScheduleView>(entry->saved, invalid_schedule({{"/time_zone", entry->trouble}}), then);
  }
  if (spec.paused != paused) {
    const auto now = host_.now();
    spec.paused = paused;
    entry->record.updated_at = now;
    tell(*entry, paused ? Event(Paused{}) : Event(Resumed{}), now, Write::all);
  }
  answer<ScheduleView>(entry->saved, view_of(*entry, ScheduleQuery{}.next_times), then);
}

void Scheduler::run(const std::string& id, Then<ScheduleRun> then) {
  auto* entry = find(id);
  if (!entry) return answer<ScheduleRun>(roster_saved_, unknown(id), then);
  auto& state = entry->record.state;
  Firing firing{host_.now(), Firing::Kind::by_hand};
  // Two of them in a millisecond are two.
  const auto is_taken = [&] {
    const auto same = [&](const FiringRecord& record) { return record.firing == firing; };
    const auto& recent = entry->record.recent;
    return contains(state.starting, firing) || contains(state.waiting, firing) ||
           std::any_of(recent.begin(), recent.end(), same);
  };
  while (is_taken()) firing.scheduled_for += Milliseconds{1};

  tell(*entry, RunNow{}, firing.scheduled_for);
  if (contains(state.starting, firing)) {
    runs_.emplace(std::pair(entry->generation, firing.scheduled_for), std::move(then));
  } else if (contains(state.waiting, firing)) {
    answer<ScheduleRun>(entry->saved, ScheduleRun{firing}, then);
  } else {
    answer<ScheduleRun>(entry->saved, left_out(entry->record.spec, state), then);
  }
}

/// Whether somebody waited for this firing.
bool Scheduler::answer_run(std::uint64_t generation, const Firing& firing, const Result<JobId>& result) {
  if (firing.kind != Firing::Kind::by_hand) return false;
  auto waiting = runs_.extract({generation, firing.scheduled_for});
  if (!waiting) return false;
  auto& then = waiting.mapped();
  if (!result) {
    then(result.error());
  } else {
    host_.show(*result, [firing, then = std::move(then)](Result<JobView> job) {
      if (!job) return then(job.error());
      then(ScheduleRun{firing, std::move(*job)});
    });
  }
  return true;
}

void Scheduler::close(const Error& why) {
  for (auto& [key, then] : std::exchange(runs_, {})) then(why);
}

// ---- views ----

std::vector<Timestamp> Scheduler::next_times_of(const Entry& entry, std::size_t count) const {
  const auto next = entry.record.state.next_at;
  count = std::min(count, ScheduleQuery::most_next_times);
  if (!next || !entry.trouble.empty() || count == 0) return {};
  auto times = entry.times.upcoming(*next, count - 1);
  times.insert(times.begin(), *next);
  return times;
}

ScheduleView Scheduler::view_of(const Entry& entry, std::size_t next_times) const {
  const auto& record = entry.record;
  ScheduleView view;
  view.id = record.spec.name;
  view.spec = record.spec;
  view.state = record.state;
  view.next_times = next_times_of(entry, next_times);
  view.recent.assign(record.recent.rbegin(), record.recent.rend());
  view.created_at = record.created_at;
  view.updated_at = record.updated_at;
  view.trouble = entry.trouble;
  if (view.trouble.empty()) {
    if (const auto sound = host_.check(record.spec); !sound) view.trouble = sound.error().message;
  }
  return view;
}

void Scheduler::show(const std::string& id, std::size_t next_times, const Then<ScheduleView>& then) const {
  const auto* entry = find(id);
  if (!entry) return answer<ScheduleView>(roster_saved_, unknown(id), then);
  answer<ScheduleView>(entry->saved, view_of(*entry, next_times), then);
}

void Scheduler::list(const ScheduleQuery& query, const Then<SchedulePage>& then) const {
  if (!query.cursor.empty() && !is_valid_name(query.cursor)) {
    const Error why{ErrorCode::invalid_argument, quoted_name(query.cursor) + " is no cursor of a list of schedules"};
    return answer<SchedulePage>(0, why, then);
  }
  SchedulePage page;
  auto depends_on = roster_saved_;
  const auto limit = std::clamp<std::size_t>(query.limit, 1, most_listed);
  for (auto each = entries_.upper_bound(query.cursor); each != entries_.end(); ++each) {
    const auto& entry = each->second;
    depends_on = std::max(depends_on, entry.saved);
    if (!is_wanted(entry.record.spec, query)) continue;
    if (page.items.size() == limit) {
      page.next_cursor = page.items.back().id;
      break;
    }
    page.items.push_back(view_of(entry, query.next_times));
  }
  answer<SchedulePage>(depends_on, std::move(page), then);
}

}  // namespace coremachine::runtime
