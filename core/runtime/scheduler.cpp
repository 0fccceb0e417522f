// The life of schedules: what happens to them, and what is done about it.

#include "core/runtime/scheduler.hpp"

#include <algorithm>
#include <variant>

namespace coremachine::runtime {
namespace {

using namespace schedule;

/// The wall clock may be set while one waits, so somebody looks at it so often.
constexpr Milliseconds longest_wait{60'000};
constexpr Milliseconds first_pause{1000};
constexpr Milliseconds longest_pause{30'000};

bool same_firing(const Firing& a, const Firing& b) {
  return a.scheduled_for == b.scheduled_for && (a.kind == Firing::Kind::by_hand) == (b.kind == Firing::Kind::by_hand);
}

/// Events after which a schedule has the timer that its actions set, or none.
bool sets_timer(const Event& event) {
  return std::holds_alternative<Ticked>(event) || std::holds_alternative<Recovered>(event) ||
         std::holds_alternative<SpecChanged>(event) || std::holds_alternative<Paused>(event) ||
         std::holds_alternative<Resumed>(event);
}

/// One that is never due, for a schedule whose time zone is not there: it goes on with what it has begun.
Timetable never(const ScheduleSpec& spec) {
  auto barren = spec;
  barren.timing = Interval{shortest_interval, {}};
  barren.starts_at.reset();
  barren.ends_at = Timestamp::min();
  return Timetable::make(barren).value();
}

bool is_for_now(ErrorCode code) {
  return code == ErrorCode::overloaded || code == ErrorCode::store_full;
}
bool is_the_end(ErrorCode code) {
  return code == ErrorCode::draining || code == ErrorCode::store_failed;
}

}  // namespace

Scheduler::Scheduler(ScheduleHost& host, ZoneSource zones) : host_(host), zones_(std::move(zones)) {}

// ---- entries ----

Scheduler::Entry* Scheduler::find(const std::string& id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}
const Scheduler::Entry* Scheduler::find(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}
Scheduler::Entry* Scheduler::find(const std::string& id, std::uint64_t generation) {
  auto* entry = find(id);
  return entry && entry->generation == generation ? entry : nullptr;
}

Scheduler::Entry& Scheduler::add(ScheduleRecord record, Timetable times) {
  const auto id = record.spec.name;
  auto& entry = entries_.try_emplace(id, Entry{std::move(record), std::move(times)}).first->second;
  entry.generation = ++generations_;
  return entry;
}

bool Scheduler::finds_zone(Entry& entry) {
  auto times = Timetable::make(entry.record.spec, zones_);
  entry.trouble = times ? "" : times.error().message;
  entry.times = times ? std::move(*times) : never(entry.record.spec);
  return times.has_value();
}

void Scheduler::adopt(const std::string& id, const Text& spec, const Text& state) {
  auto record = read_record(spec, state);
  if (record && record->spec.name != id) record = Error{ErrorCode::store_damaged, "it is kept under another name"};
  if (!record) {
    unreadable_[id] = record.error().message;
    return host_.log("the schedule " + id + " does not run: " + record.error().message);
  }
  auto barren = never(record->spec);
  recover(add(std::move(*record), std::move(barren)));
}

void Scheduler::recover(Entry& entry) {
  const auto& spec = entry.record.spec;
  if (!finds_zone(entry)) host_.log("the schedule " + spec.name + " does not fire: " + entry.trouble);
  const auto running = entry.record.state.running;
  tell(entry, Recovered{}, host_.now());
  for (const auto job : running) await_end(entry, job);
  if (const auto sound = host_.check(spec); !sound && !spec.paused) {
    entry.complaint = sound.error().message;
    host_.log("the schedule " + spec.name + " cannot submit its job: " + entry.complaint);
  }
}

// ---- time ----

std::optional<Milliseconds> Scheduler::tick() {
  const auto now = host_.now();
  if (last_look_ && now < *last_look_) clock_was_set_back(now, now + trusted_step_back < *last_look_);
  last_look_ = now;
  std::vector<std::string> due;
  for (auto alarm = alarms_.begin(); alarm != alarms_.end() && alarm->first <= now; ++alarm) {
    due.push_back(alarm->second);
  }
  for (const auto& id : due) ring(*find(id), now);
  if (entries_.empty()) return std::nullopt;
  if (alarms_.empty()) return longest_wait;
  return std::clamp(alarms_.begin()->first - now, Milliseconds{1}, longest_wait);
}

/// Far: by more than a step that fired times outlast. Then all goes by the new time.
void Scheduler::clock_was_set_back(Timestamp now, bool far) {
  for (auto& [id, entry] : entries_) {
    if (entry.retry_at) entry.retry_at = now;
    if (entry.trouble.empty() && !entry.record.spec.paused) {
      tell(entry, far ? Event(SpecChanged{}) : Event(Ticked{}), now);
    } else {
      set_alarm(entry);
    }
  }
}

void Scheduler::ring(Entry& entry, Timestamp now) {
  if (entry.retry_at && *entry.retry_at <= now) {
    entry.retry_at.reset();
    for (const auto& firing : std::exchange(entry.postponed, {})) {
      submit(entry, Submit{firing, idempotency_key(entry.record.spec.name, firing)});
    }
  }
  if (entry.rings_at && *entry.rings_at <= now) return tell(entry, Ticked{}, now);
  set_alarm(entry);
}

void Scheduler::set_alarm(Entry& entry) {
  auto next = entry.rings_at;
  if (entry.retry_at && (!next || *entry.retry_at < *next)) next = entry.retry_at;
  if (next == entry.alarm) return;
  const auto& id = entry.record.spec.name;
  if (entry.alarm) alarms_.erase({*entry.alarm, id});
  if (next) alarms_.emplace(*next, id);
  entry.alarm = next;
}

// ---- steps ----

void Scheduler::tell(Entry& entry, const Event& event, Timestamp now, Write write) {
  auto& record = entry.record;
  const auto next_at = record.state.next_at;
  const auto actions = step(record.spec, entry.times, record.state, event, now);
  // Without its time zone nothing is due; what was is looked at when the zone is there again, and was missed then.
  if (!entry.trouble.empty() && std::holds_alternative<Recovered>(event)) record.state.next_at = next_at;
  note(entry, event, actions, now);
  if (sets_timer(event)) entry.rings_at.reset();
  const auto is_save = [](const Action& action) { return std::holds_alternative<Save>(action); };
  if (write == Write::all || std::any_of(actions.begin(), actions.end(), is_save)) {
    save(entry, write == Write::all);
  }
  struct CarryOut {
    Scheduler& scheduler;
    Entry& entry;
    void operator()(const Save&) const {}
    void operator()(const Submit& what) const { scheduler.submit(entry, what); }
    void operator()(const CancelJob& cancel) const { scheduler.host_.cancel(cancel.id); }
    void operator()(const SetTimer& timer) const { entry.rings_at = timer.at; }
  };
  for (const auto& action : actions) std::visit(CarryOut{*this, entry}, action);
  set_alarm(entry);
}

/// Keeps what readers are shown of the last firings; in step with the state, as it is saved with it.
void Scheduler::note(Entry& entry, const Event& event, const std::vector<Action>& actions, Timestamp now) {
  auto& recent = entry.record.recent;
  const auto place_of = [&](const Firing& firing) {
    return std::find_if(recent.begin(), recent.end(),
                        [&](const auto& each) { return same_firing(each.firing, firing); });
  };
  for (const auto& action : actions) {
    const auto* submit = std::get_if<Submit>(&action);
    if (!submit || place_of(submit->firing) != recent.end()) continue;
    recent.push_back({submit->firing, now});
    if (recent.size() > ScheduleView::most_recent) recent.pop_front();
  }
  if (actions.empty()) return;
  if (const auto* accepted = std::get_if<JobAccepted>(&event)) {
    if (const auto found = place_of(accepted->firing); found != recent.end()) found->job = accepted->id;
  } else if (const auto* refused = std::get_if<JobRefused>(&event)) {
    if (const auto found = place_of(refused->firing); found != recent.end()) found->error = refused->why;
  }
}

void Scheduler::submit(const Entry& entry, const Submit& what) {
  auto then = [this, id = entry.record.spec.name, generation = entry.generation,
               firing = what.firing](Result<JobId> result) { submitted(id, generation, firing, std::move(result)); };
  host_.submit(entry.record.spec, what, std::move(then));
}

void Scheduler::submitted(const std::string& id, std::uint64_t generation, const Firing& firing, Result<JobId> result) {
  if (!result && result.error().code == ErrorCode::key_conflict) {
    // The spec is another since; the firing was submitted before that.
    const auto job = host_.find_submission(idempotency_key(id, firing));
    if (job) result = *job;
  }
  const bool told = answer_run(generation, firing, result);
  auto* entry = find(id, generation);
  if (!entry) return;
  if (!result) return refused(*entry, firing, result.error(), told);
  entry->retry_pause = Milliseconds{0};
  entry->complaint.clear();
  tell(*entry, JobAccepted{firing, *result}, host_.now());
  const auto& running = entry->record.state.running;
  if (std::find(running.begin(), running.end(), *result) != running.end()) await_end(*entry, *result);
}

/// Told: whoever asked for the firing knows, and may ask again.
void Scheduler::refused(Entry& entry, const Firing& firing, const Error& error, bool told) {
  if (is_the_end(error.code)) return;
  if (is_for_now(error.code) && !told) return postpone(entry, firing);
  if (entry.complaint != error.message) {
    host_.log("the schedule " + entry.record.spec.name + " could not submit its job for " +
              to_rfc3339(firing.scheduled_for) + ": " + error.message);
    entry.complaint = error.message;
  }
  tell(entry, JobRefused{firing, error.message}, host_.now());
}

/// It stays `starting`, and is tried again.
void Scheduler::postpone(Entry& entry, const Firing& firing) {
  entry.postponed.push_back(firing);
  if (!entry.retry_at) {
    entry.retry_pause = std::clamp(entry.retry_pause * 2, first_pause, longest_pause);
    entry.retry_at = host_.now() + entry.retry_pause;
  }
  set_alarm(entry);
}

void Scheduler::await_end(const Entry& entry, JobId job) {
  host_.await_end(job, [this, id = entry.record.spec.name, generation = entry.generation, job] {
    if (auto* still = find(id, generation)) tell(*still, JobEnded{job}, host_.now());
  });
}

// ---- what is on disk ----

void Scheduler::save(std::vector<Setting> settings, ScheduleHost::SavedFunction then) {
  auto saved = [durable = durable_, number = ++saves_, then = std::move(then)](std::optional<Error> error) {
    // They become durable in order, but may tell so on several threads.
    auto known = durable->load();
    while (!error && known < number && !durable->compare_exchange_weak(known, number)) {
    }
    if (then) then(std::move(error));
  };
  host_.save(std::move(settings), std::move(saved));
}

void Scheduler::save(Entry& entry, bool with_spec) {
  std::vector<Setting> settings;
  if (with_spec) settings.push_back(spec_to_setting(entry.record));
  settings.push_back(state_to_setting(entry.record));
  save(std::move(settings), {});
  entry.saved = saves_;
}

void Scheduler::when_durable(SaveNumber number, ScheduleHost::SavedFunction then) const {
  if (number <= durable_->load()) return then(std::nullopt);
  host_.save({}, std::move(then));
}

}  // namespace coremachine::runtime
