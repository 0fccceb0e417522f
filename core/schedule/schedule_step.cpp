#include "core/schedule/schedule_step.hpp"

#include <algorithm>
#include <utility>

namespace coremachine::schedule {

namespace {

constexpr std::size_t longest_error = 1000;

using Kind = Firing::Kind;

bool is_made_up(const Firing& firing) {
  return firing.kind == Kind::made_up;
}

/// Whether they have the same key. What is made up was missed before; it is the same firing.
bool same_firing(const Firing& a, const Firing& b) {
  return a.scheduled_for == b.scheduled_for && (a.kind == Kind::by_hand) == (b.kind == Kind::by_hand);
}

bool contains(const std::vector<Firing>& firings, const Firing& firing) {
  return std::any_of(firings.begin(), firings.end(), [&](const Firing& other) { return same_firing(other, firing); });
}

/// At most `longest_error` bytes, without half a character at the end.
std::string shortened(const std::string& text) {
  auto size = std::min(text.size(), longest_error);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

/// One step.
class Stepper {
 public:
  Stepper(const ScheduleSpec& spec, const Timetable& times, ScheduleState& state, Timestamp now)
      : spec_(spec), times_(times), state_(state), before_(state), now_(now) {}

  std::vector<Action> actions() const {
    std::vector<Action> all;
    if (state_ != before_) all.emplace_back(Save{});
    all.insert(all.end(), actions_.begin(), actions_.end());
    return all;
  }

  void operator()(const Ticked&) {
    if (spec_.paused) return;
    const bool clock_was_wrong = state_.last_fired && *state_.last_fired > now_ + trusted_step_back;
    if (state_.next_at && *state_.next_at <= now_) {
      take_due(*state_.next_at, Ringing::in_time);
    } else if (clock_was_wrong) {
      plan();
    }
    set_timer();
  }

  void operator()(const Recovered&) {
    for (const auto& firing : state_.starting) {
      actions_.emplace_back(Submit{firing, idempotency_key(spec_.name, firing)});
    }
    carry_on();
    if (spec_.paused) {
      state_.next_at.reset();
    } else if (state_.next_at && *state_.next_at <= now_) {
      take_due(*state_.next_at, Ringing::after_downtime);
    } else {
      // The rules of its time zone may be others than they were.
      plan();
    }
    set_timer();
  }

  void operator()(const SpecChanged&) {
    carry_on();
    // What came due just now, and was not seen yet, is not lost by a change of something else.
    const auto overdue = state_.next_at && *state_.next_at <= now_ ? state_.next_at : std::nullopt;
    if (overdue && !spec_.paused) {
      take_due(*overdue, Ringing::in_time);
    } else {
      plan();
    }
    set_timer();
  }
  void operator()(const Paused&) { (*this)(SpecChanged{}); }
  void operator()(const Resumed&) { (*this)(SpecChanged{}); }

  void operator()(const RunNow&) { fire(Firing{now_, Kind::by_hand}); }

  void operator()(const JobAccepted& accepted) {
    if (!forget_starting(accepted.firing)) return;
    auto& running = state_.running;
    if (std::find(running.begin(), running.end(), accepted.id) == running.end()) running.push_back(accepted.id);
    if (running.size() > max_running) running.erase(running.begin());
    if (spec_.overlap == OverlapPolicy::cancel_running && one_may_follow()) {
      actions_.emplace_back(CancelJob{accepted.id});
    }
  }

  void operator()(const JobRefused& refused) {
    if (!forget_starting(refused.firing)) return;
    ++state_.refused;
    state_.last_error = shortened(refused.why);
    release();
  }

  void operator()(const JobEnded& ended) {
    if (std::erase(state_.running, ended.id) > 0) release();
  }

 private:
  enum class Ringing { in_time, after_downtime };

  bool idle() const { return state_.starting.empty() && state_.running.empty(); }
  /// While the schedule is paused, only what somebody asked for begins.
  bool may_begin(const Firing& firing) const { return !spec_.paused || firing.kind == Kind::by_hand; }
  bool one_may_follow() const {
    return std::any_of(state_.waiting.begin(), state_.waiting.end(), [&](const auto& f) { return may_begin(f); });
  }

  void set_timer() {
    if (state_.next_at) actions_.emplace_back(SetTimer{times_.due_at(*state_.next_at)});
  }

  /// From now on; what has fired does not fire again because the clock was set back a little.
  void plan() {
    auto after = now_;
    if (state_.last_fired && *state_.last_fired <= now_ + trusted_step_back) {
      after = std::max(after, *state_.last_fired);
    }
    state_.next_at = spec_.paused ? std::nullopt : times_.next(after);
  }

  void take_due(Timestamp from, Ringing ringing) {
    auto due = times_.due(from, now_, std::size_t{spec_.catch_up_limit} + 1);
    state_.next_at = due.next;
    std::optional<Timestamp> on_time;
    if (ringing == Ringing::in_time && !due.newest.empty() &&
        now_ - times_.due_at(due.newest.back()) <= on_time_within) {
      on_time = due.newest.back();
      due.newest.pop_back();
      --due.total;
    }
    std::size_t limit = spec_.catch_up_limit;
    // A newer firing makes the older ones pointless.
    if (spec_.overlap == OverlapPolicy::cancel_running) limit = on_time ? 0 : std::min<std::size_t>(limit, 1);
    limit = std::min(limit, due.newest.size());
    state_.missed += due.total - limit;
    for (auto time = due.newest.end() - static_cast<std::ptrdiff_t>(limit); time != due.newest.end(); ++time) {
      fire(Firing{*time, Kind::made_up});
    }
    if (on_time) fire(Firing{*on_time, Kind::on_time});
  }

  void fire(const Firing& firing) {
    if (contains(state_.starting, firing) || contains(state_.waiting, firing)) return;
    if (spec_.overlap == OverlapPolicy::allow || idle()) return submit(firing);
    switch (spec_.overlap) {
      case OverlapPolicy::allow: break;
      case OverlapPolicy::skip: return is_made_up(firing) ? wait(firing) : skip();
      case OverlapPolicy::queue_one: {
        const bool one_waits = !std::all_of(state_.waiting.begin(), state_.waiting.end(), is_made_up);
        return is_made_up(firing) || !one_waits ? wait(firing) : skip();
      }
      case OverlapPolicy::cancel_running: return replace(firing);
    }
  }

  void skip() { ++state_.skipped; }

  void wait(const Firing& firing) {
    auto& waiting = state_.waiting;
    if (is_made_up(firing) && std::count_if(waiting.begin(), waiting.end(), is_made_up) >= spec_.catch_up_limit) {
      const auto oldest = std::find_if(waiting.begin(), waiting.end(), is_made_up);
      if (oldest != waiting.end()) waiting.erase(oldest);
      ++state_.missed;
    }
    waiting.push_back(firing);
  }

  void replace(const Firing& firing) {
    const bool asked_already = one_may_follow();
    state_.skipped += state_.waiting.size();
    state_.waiting.assign(1, firing);
    if (!asked_already) cancel_all();
  }

  void cancel_all() {
    for (const auto id : state_.running) actions_.emplace_back(CancelJob{id});
  }

  void submit(const Firing& firing) {
    if (state_.starting.size() >= max_starting) return skip();
    state_.starting.push_back(firing);
    ++state_.fired;
    if (firing.kind != Kind::by_hand) state_.last_fired = firing.scheduled_for;
    actions_.emplace_back(Submit{firing, idempotency_key(spec_.name, firing)});
  }

  /// What waits goes on, under a policy that may be another now, in a process that may be.
  void carry_on() {
    if (spec_.overlap == OverlapPolicy::cancel_running && one_may_follow()) cancel_all();
    release();
  }

  /// Submits what waits, as far as it may begin.
  void release() {
    auto& waiting = state_.waiting;
    while (!waiting.empty() && (spec_.overlap == OverlapPolicy::allow || idle())) {
      const auto next = std::find_if(waiting.begin(), waiting.end(), [&](const auto& f) { return may_begin(f); });
      if (next == waiting.end()) return;
      const auto firing = *next;
      waiting.erase(next);
      submit(firing);
    }
  }

  bool forget_starting(const Firing& firing) {
    return std::erase_if(state_.starting, [&](const Firing& other) { return same_firing(other, firing); }) > 0;
  }

  const ScheduleSpec& spec_;
  const Timetable& times_;
  ScheduleState& state_;
  const ScheduleState before_;
  const Timestamp now_;
  std::vector<Action> actions_;
};

}  // namespace

std::vector<Action> step(const ScheduleSpec& spec, const Timetable& times, ScheduleState& state, const Event& event,
                         Timestamp now) {
  Stepper stepper(spec, times, state, now);
  std::visit(stepper, event);
  return stepper.actions();
}

}  // namespace coremachine::schedule
