#include "core/machine/engine.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <boost/assert.hpp>

namespace coremachine::machine {

Engine::Engine(EngineSetup setup) : setup_(std::move(setup)) {
  last_closed_ = durable_ = setup_.last_commit;
  open_.incarnation = setup_.incarnation;
  // A lease outlives the process, so that its number has to be unlike any of another incarnation.
  last_slice_ = SliceId{setup_.incarnation} << 40U;
}

Engine::Live* Engine::live(JobId job) {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : found->second.get();
}

const Job* Engine::find(JobId job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second->job;
}

// ---- what handlers and workers report ----

void Engine::boundary_decided(const Now& now, JobId job, BoundaryDecided decided) {
  const auto out = boundaries_out_.find(job);
  if (out == boundaries_out_.end() || out->second.number != decided.boundary) return;
  boundaries_out_.erase(out);
  if (outstanding_.empty()) alone_out_ = alone_out_ && !boundaries_out_.empty();
  auto* entry = live(job);
  if (!entry || abandoned_) return;
  // A later call may have waited for this one to come back, as only one is out for each job.
  const bool waited = entry->job.boundary && entry->job.boundary->number == entry->due_boundary &&
                      entry->due_boundary != decided.boundary;
  if (waited) boundaries_waiting_.push_back(job);
  step_job(now, *entry, std::move(decided));
}

/// What was handed out and has not begun comes back.
void Engine::recall(const Live& entry) {
  for (const auto id : entry.slices) actions_.emplace_back(RecallSlice{id});
  for (const auto id : entry.leases) remote_.leases.at(id).status = LeaseStatus::recalled;
  const auto out = boundaries_out_.find(entry.job.id);
  if (out != boundaries_out_.end()) actions_.emplace_back(RecallBoundary{entry.job.id, out->second.number});
}

void Engine::boundary_returned(JobId job, BoundaryNumber boundary) {
  const auto out = boundaries_out_.find(job);
  if (out == boundaries_out_.end() || out->second.number != boundary) return;
  boundaries_out_.erase(out);
  boundaries_waiting_.push_front(job);
}

void Engine::slice_reported(const Now& now, SliceId slice, Report report, bool last) {
  const auto found = outstanding_.find(slice);
  if (found == outstanding_.end() || report.incarnation != setup_.incarnation) return;
  auto& out = found->second;
  const auto ran = report.completed.count + static_cast<std::uint32_t>(report.failed.size());
  const auto told = ran + static_cast<std::uint32_t>(report.returned.size());
  BOOST_ASSERT_MSG(told <= out.left, "a slice reported more tasks than it had");
  out.left -= told;
  note_cost(out.task_type, report.busy_ns, ran);
  limits_.ended(out.task_type, told);
  const auto job = out.job;
  const auto task_type = last ? std::move(out.task_type) : out.task_type;
  if (last) {
    BOOST_ASSERT_MSG(out.left == 0, "a slice ended without a word about some of its tasks");
    if (out.ahead) --ahead_out_;
    outstanding_.erase(found);
    if (outstanding_.empty()) alone_out_ = false;
  }
  auto* entry = live(job);
  if (!entry) return;
  if (last) std::erase(entry->slices, slice);
  if (abandoned_) return;
  step_task(now, *entry, task_type, TasksReported{std::move(report)});
  tell_progress(now, *entry);
}

void Engine::note_cost(const std::string& task_type, std::uint64_t busy_ns, std::uint32_t ran) {
  if (ran == 0) return;
  const auto measured = static_cast<double>(busy_ns) / 1000.0 / ran;
  const auto [cost, fresh] = cost_us_.try_emplace(task_type, measured);
  if (!fresh) cost->second += 0.3 * (measured - cost->second);
}

/// At most four times a second, and nothing of a round that is over: its end was told.
void Engine::tell_progress(const Now& now, Live& entry) {
  auto& job = entry.job;
  if (entry.followers == 0 || now.time - entry.last_progress < Milliseconds{250}) return;
  if (is_terminal(job.status) || !job.round || job.round->phase == RoundPhase::closed) return;
  entry.last_progress = now.time;
  Effects effects;
  effects.write(SaveJob{});
  effects.after_commit(make_publish(job, PublishedKind::progress, now));
  apply(now, entry, effects);
}

// ---- steps and their effects ----

void Engine::step_job(const Now& now, Live& entry, Event event) {
  Effects effects;
  step(entry.job, std::move(event), now, setup_.rules, effects);
  apply(now, entry, effects);
}

void Engine::apply(const Now& now, Live& entry, Effects& effects) {
  bool hurry = false;
  for (auto& effect : effects.list()) {
    // They go in the batch that has the end: nobody looks for leases of a job that is over.
    if (std::holds_alternative<EndJob>(effect.body) && !entry.leases.empty()) drop_leases(entry);
    if (std::holds_alternative<SaveJob>(effect.body)) {
      save_later(now, entry);
    } else if (write(entry, effect.body)) {
      effect.body = SaveJob{};
      hurry = true;  // a segment and the row that it belongs to become durable together
    } else if (auto* publish = std::get_if<Publish>(&effect.body); publish && !observe(entry, *publish)) {
      effect.body = SaveJob{};
    } else if (effect.after == After::commit) {
      hurry = true;
    }
  }
  if (hurry) save_in_next_batch(entry);
  const auto depends_on = newest_write();
  for (auto& effect : effects.list()) {
    if (std::holds_alternative<SaveJob>(effect.body)) continue;
    if (effect.after == After::commit && depends_on > durable_) {
      held_[depends_on].push_back(Held{entry.job.id, std::move(effect)});
    } else {
      act(now, entry, effect.body);
      if (std::holds_alternative<EndJob>(effect.body)) return;  // the entry is gone
    }
  }
  backlog_.update(entry.job, entry.waiting);
  watch_start(entry);
  enqueue(now, entry);
}

void Engine::watch_start(Live& entry) {
  const auto due = start_deadline(entry.job);
  if (!due || (entry.start_timer && *entry.start_timer <= *due)) return;
  entry.start_timer = *due;
  timers_.push(Timer{*due, TimerKind::start, entry.job.id, entry.job.round->number});
}

void Engine::act(const Now& now, Live& entry, EffectBody& body) {
  struct Act {
    Engine& engine;
    const Now& now;
    Live& entry;

    void operator()(SaveJob&) const {}
    void operator()(SaveRound&) const {}
    void operator()(DiscardRounds&) const {}
    void operator()(AppendDefinitions&) const {}
    void operator()(AppendOutcomes&) const {}
    void operator()(KeepArtifacts&) const {}
    void operator()(OfferTasks& offer) const {
      offer_tasks(entry.job, offer, now.time);
      engine.backlog_.update(entry.job, entry.waiting);
      engine.watch_start(entry);
      engine.enqueue(now, entry);
    }
    void operator()(StopTasks& stop) const {
      for (const auto id : entry.slices) {
        if (engine.outstanding_.at(id).round == stop.round) engine.actions_.emplace_back(StopSlice{id});
      }
      for (const auto id : entry.leases) {
        auto& held = engine.remote_.leases.at(id);
        if (held.lease.slice.round == stop.round) held.status = LeaseStatus::cancelled;
      }
    }
    void operator()(CallHandler& call) const {
      if (!entry.job.boundary || entry.job.boundary->number != call.boundary.number) return;
      entry.due_boundary = call.boundary.number;
      if (!engine.boundaries_out_.contains(entry.job.id)) engine.boundaries_waiting_.push_back(entry.job.id);
    }
    void operator()(DropHandlerCall& drop) const {
      const auto out = engine.boundaries_out_.find(entry.job.id);
      if (out == engine.boundaries_out_.end() || out->second.number != drop.boundary) return;
      engine.actions_.emplace_back(StopBoundary{entry.job.id, drop.boundary});
    }
    void operator()(SetTimer& timer) const {
      engine.timers_.push(Timer{timer.at, timer.kind, entry.job.id, timer.round});
    }
    void operator()(Publish& publish) const {
      engine.actions_.emplace_back(engine.announcement(entry, std::move(publish)));
    }
    void operator()(EndJob&) const { engine.forget(entry.job.id); }
  };
  std::visit(Act{*this, now, entry}, body);
}

void Engine::enqueue(const Now& now, Live& entry) {
  if (!has_ready_tasks(entry.job)) return;
  const auto& round = *entry.job.round;
  for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
    if (round.ready[spec].empty()) continue;
    const auto lane = lane_of(round.specs[spec]);
    const auto elsewhere =
        remote_.types.empty() ? remote_.types.end() : remote_.types.find(round.specs[spec].task_type);
    if (!lane && elsewhere == remote_.types.end()) continue;
    if (limits_.allowance(round.specs[spec].task_type, now.time) == 0) {
      limits_.wait(round.specs[spec].task_type, entry.job.priority, entry.job.id);
      continue;
    }
    if (elsewhere != remote_.types.end() && elsewhere->second.queued.insert(entry.job.id).second)
      elsewhere->second.ring.push(entry.job.priority, entry.job.id);
    if (!lane) continue;
    auto& queued = entry.queued[static_cast<std::size_t>(*lane)];
    if (queued) continue;
    queued = true;
    rings_[static_cast<std::size_t>(*lane)].push(entry.job.priority, entry.job.id);
  }
}

void Engine::forget(JobId job) {
  auto* entry = live(job);
  if (!entry || !is_terminal(entry->job.status)) return;
  if (!entry->waiters.empty()) {
    const auto view = snapshot(entry->job);
    for (const auto waiter : entry->waiters) actions_.emplace_back(Answer{waiter, std::nullopt, job, view});
  }
  backlog_.take_out(entry->waiting);
  jobs_.erase(job);
}

// ---- time ----

void Engine::fire(const Now& now, const Timer& timer) {
  auto* entry = live(timer.job);
  if (!entry) return;
  switch (timer.kind) {
    case TimerKind::due: return step_job(now, *entry, JobCameDue{});
    case TimerKind::retry: return step_job(now, *entry, RetriesCameDue{});
    case TimerKind::grace: return step_job(now, *entry, GraceEnded{timer.round});
    case TimerKind::job_deadline: return step_job(now, *entry, JobTimedOut{});
    case TimerKind::stage: return step_job(now, *entry, StageTimeCame{timer.round});
    case TimerKind::start: entry->start_timer.reset(); return step_job(now, *entry, StartTimeCame{timer.round});
  }
}

/// Jobs that waited for a limit, as far as it lets them.
void Engine::wake_limited(const Now& now) {
  for (const auto job : limits_.take_due(now.time)) {
    if (auto* entry = live(job)) enqueue(now, *entry);
  }
}

void Engine::tick(const Now& now) {
  time_ = now.time;
  wake_limited(now);
  if (garbage_ && !draining_ && next_sweep_ <= now.time) sweep_due_ = true;
  while (!removed_.empty() && removed_.front().first <= now.time) removed_.pop_front();
  while (!timers_.empty() && timers_.top().at <= now.time) {
    const auto timer = timers_.top();
    timers_.pop();
    fire(now, timer);
  }
  while (!recalls_.empty() && recalls_.front().first <= now.time) {
    const auto found = outstanding_.find(recalls_.front().second);
    recalls_.pop_front();
    if (found == outstanding_.end() || found->second.recalled) continue;
    found->second.recalled = true;
    actions_.emplace_back(RecallSlice{found->first});
  }
  expire_leases(now);
  while (!save_later_.empty()) {
    auto* entry = live(save_later_.front().second);
    const bool waits = entry && entry->unsaved == Unsaved::later;
    if (waits && save_later_.front().first > now.time) break;
    if (waits) save_in_next_batch(*entry);
    save_later_.pop_front();
  }
  if (alone_out_ && alone_until_ <= now.time) {
    // It takes long. It stays marked, so that a death still counts for it; the other suspects join the rest.
    alone_out_ = false;
    suspects_.clear();
  }
  for (auto out = boundaries_out_.begin(); out != boundaries_out_.end();) {
    if (!out->second.recalled && out->second.recall_at <= now.time) {
      out->second.recalled = true;
      actions_.emplace_back(RecallBoundary{out->first, out->second.number});
    }
    if (out->second.deadline > now.time) {
      ++out;
      continue;
    }
    const auto [job, late] = *out;
    out = boundaries_out_.erase(out);
    actions_.emplace_back(StopBoundary{job, late.number});
    if (auto* entry = live(job)) step_job(now, *entry, BoundaryTimedOut{late.number});
  }
}

std::optional<Timestamp> Engine::next_deadline() const {
  std::optional<Timestamp> next;
  if (!timers_.empty()) next = timers_.top().at;
  for (const auto& [at, slice] : recalls_) {
    if (!outstanding_.contains(slice)) continue;
    if (!next || at < *next) next = at;
    break;
  }
  if (!save_later_.empty() && (!next || save_later_.front().first < *next)) next = save_later_.front().first;
  if (const auto due = limits_.next_due(time_); due && (!next || *due < *next)) next = due;
  if (garbage_ && !draining_ && !sweep_due_ && (!next || next_sweep_ < *next)) next = next_sweep_;
  if (alone_out_ && (!next || alone_until_ < *next)) next = alone_until_;
  if (!remote_.expiries.empty() && (!next || remote_.expiries.top().first < *next)) next = remote_.expiries.top().first;
  for (const auto& [job, out] : boundaries_out_) {
    const auto due = out.recalled ? out.deadline : std::min(out.deadline, out.recall_at);
    if (!next || due < *next) next = due;
  }
  return next;
}

}  // namespace coremachine::machine
