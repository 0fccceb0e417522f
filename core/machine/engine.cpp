#include "core/machine/engine.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <boost/assert.hpp>

#include "core/machine/recovery.hpp"

namespace coremachine::machine {

Engine::Engine(EngineSetup setup) : setup_(std::move(setup)) {
  last_closed_ = durable_ = setup_.last_commit;
  open_.incarnation = setup_.incarnation;
}

Engine::Live* Engine::live(JobId job) {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : found->second.get();
}

const Job* Engine::find(JobId job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second->job;
}

std::shared_ptr<const Job> snapshot(const Job& job) {
  auto copy = std::make_shared<Job>();
  copy->id = job.id;
  copy->type = job.type;
  copy->version = job.version;
  copy->params = job.params;
  copy->priority = job.priority;
  copy->tags = job.tags;
  copy->status = job.status;
  copy->attempt = job.attempt;
  copy->error = job.error;
  copy->result = job.result;
  copy->created_at = job.created_at;
  copy->run_at = job.run_at;
  copy->timeout = job.timeout;
  copy->started_at = job.started_at;
  copy->finished_at = job.finished_at;
  copy->closed = job.closed;
  if (job.round) {
    auto& round = copy->round.emplace();
    round.number = job.round->number;
    round.stage = job.round->stage;
    round.status = job.round->status;
    round.phase = job.round->phase;
    round.counts = job.round->counts;
    round.result = job.round->result;
    round.started_at = job.round->started_at;
    round.finished_at = job.round->finished_at;
  }
  return copy;
}

// ---- requests ----

namespace {

Error no_such_job(JobId job) { return Error{ErrorCode::unknown_job, "there is no job " + job.str()}; }

}  // namespace

void Engine::submit(const Now& now, Submission submission, RequestId request, Until until) {
  const auto refuse = [&](ErrorCode code, std::string why) {
    actions_.emplace_back(Answer{request, Error{code, std::move(why)}, {}, {}});
  };
  if (draining_) return refuse(ErrorCode::draining, "the machine is stopping and takes no new jobs");
  if (store_full_) return refuse(ErrorCode::store_full, "the disk of the store is full; nothing new is taken until there is space");
  if (jobs_.size() >= setup_.max_jobs) {
    return refuse(ErrorCode::overloaded, std::to_string(jobs_.size()) + " jobs are not over yet; try again later");
  }
  const auto id = submission.id;
  auto added = std::make_unique<Live>();
  added->job = make_job(std::move(submission));
  auto& entry = *added;
  const bool fresh = jobs_.emplace(id, std::move(added)).second;
  BOOST_ASSERT_MSG(fresh, "a job id was given out twice");
  if (until == Until::ended) entry.waiters.push_back(request);
  step_job(now, entry, JobSubmitted{});
  if (until == Until::accepted) hold_or_do(entry, Answer{request, std::nullopt, id, {}});
}

void Engine::control(const Now& now, JobId job, Control verb, RequestId request) {
  auto* entry = live(job);
  if (!entry) {
    if (verb == Control::redrive) {
      actions_.emplace_back(LoadJob{job, request});
    } else {
      actions_.emplace_back(Answer{request, no_such_job(job), job, {}});
    }
    return;
  }
  if (auto refused = refusal(verb, job, entry->job.status)) {
    hold_or_do(*entry, Answer{request, std::move(refused), job, {}});
    return;
  }
  switch (verb) {
    case Control::cancel: step_job(now, *entry, CancelRequested{}); break;
    case Control::pause:
      step_job(now, *entry, PauseRequested{});
      recall(*entry);
      break;
    case Control::resume: step_job(now, *entry, ResumeRequested{}); break;
    case Control::redrive:
      // It is over, but that is not on disk yet: then it will be forgotten, and read back.
      hold_or_do(*entry, LoadJob{job, request});
      return;
  }
  hold_or_do(*entry, Answer{request, std::nullopt, job, snapshot(entry->job)});
}

void Engine::loaded(const Now& now, RequestId request, Job job, std::optional<Round> target) {
  const auto id = job.id;
  auto* present = live(id);
  const auto status = present ? present->job.status : job.status;
  auto refused = refusal(Control::redrive, id, status);
  if (!refused && draining_) refused = Error{ErrorCode::draining, "the machine is stopping and takes no new work"};
  if (!refused && store_full_) refused = Error{ErrorCode::store_full, "the disk of the store is full"};
  if (refused || present) {
    Answer answer{request, refused ? std::move(refused) : Error{ErrorCode::wrong_state, "the job is being retried"}, id, {}};
    if (present) return hold_or_do(*present, std::move(answer));
    return hold_or_do(std::move(answer));
  }
  auto added = std::make_unique<Live>();
  added->job = std::move(job);
  auto& entry = *added;
  jobs_.emplace(id, std::move(added));
  step_job(now, entry, RedriveRequested{std::move(target)});
  hold_or_do(entry, Answer{request, std::nullopt, id, snapshot(entry.job)});
}

void Engine::load_failed(RequestId request, Error error) {
  actions_.emplace_back(Answer{request, std::move(error), {}, {}});
}

void Engine::inspect(JobId job, RequestId request) {
  if (auto* entry = live(job)) {
    hold_or_do(*entry, Answer{request, std::nullopt, job, snapshot(entry->job)});
  } else {
    actions_.emplace_back(Answer{request, no_such_job(job), job, {}});
  }
}

void Engine::await_end(JobId job, RequestId request) {
  if (auto* entry = live(job)) {
    entry->waiters.push_back(request);
  } else {
    actions_.emplace_back(Answer{request, no_such_job(job), job, {}});
  }
}

void Engine::forget_request(JobId job, RequestId request) {
  if (auto* entry = live(job)) std::erase(entry->waiters, request);
}

void Engine::follow(JobId job, bool on) {
  if (auto* entry = live(job)) entry->followers += on ? 1 : -1;
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
  if (ran > 0) {
    const auto measured = static_cast<double>(report.busy_ns) / 1000.0 / ran;
    const auto [cost, fresh] = cost_us_.try_emplace(out.task_type, measured);
    if (!fresh) cost->second += 0.3 * (measured - cost->second);
  }
  const auto job = out.job;
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
  step_job(now, *entry, TasksReported{std::move(report)});
  if (entry->followers > 0 && entry->job.round && now.time - entry->last_progress >= Milliseconds{250}) {
    entry->last_progress = now.time;
    const auto& round = *entry->job.round;
    hold_or_do(*entry, Announce{job, make_publish(entry->job, PublishedKind::progress, round.stage, round.number)});
  }
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
    if (std::holds_alternative<SaveJob>(effect.body)) {
      save_later(now, entry);
    } else if (write(entry, effect.body)) {
      effect.body = SaveJob{};
      hurry = true;  // a segment and the row that it belongs to become durable together
    } else if (std::holds_alternative<Publish>(effect.body) && entry.followers == 0) {
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
  enqueue(entry);
}

void Engine::save_later(const Now& now, Live& entry) {
  if (entry.unsaved != Unsaved::nothing) return;
  entry.unsaved = Unsaved::later;
  if (draining_) return save_in_next_batch(entry);
  save_later_.emplace_back(now.time + setup_.save_within, entry.job.id);
}

void Engine::save_in_next_batch(Live& entry) {
  if (entry.unsaved != Unsaved::later) return;
  entry.unsaved = Unsaved::next_batch;
  dirty_.push_back(entry.job.id);
  open_bytes_ += 512 + entry.job.params->size();
}

void Engine::save_all_in_next_batch() {
  for (const auto& [by, job] : std::exchange(save_later_, {})) {
    if (auto* entry = live(job)) save_in_next_batch(*entry);
  }
}

void Engine::drain() {
  draining_ = true;
  save_all_in_next_batch();
}

/// True if the effect was a write; then it is in the open batch.
bool Engine::write(Live& entry, EffectBody& body) {
  if (auto* round = std::get_if<SaveRound>(&body)) {
    open_.rounds.push_back(encode_round(entry.job.id, round->round));
    open_bytes_ += 512 + open_.rounds.back().state.size();
    return true;
  }
  if (auto* discard = std::get_if<DiscardRounds>(&body)) {
    open_.discards.push_back({entry.job.id, discard->from});
    return true;
  }
  if (auto* append = std::get_if<AppendDefinitions>(&body)) {
    open_bytes_ += 128 + append->segment.body->size();
    open_.definitions.emplace_back(entry.job.id, std::move(append->segment));
    return true;
  }
  if (auto* append = std::get_if<AppendOutcomes>(&body)) {
    open_bytes_ += 128 + append->segment.body->size();
    open_.outcomes.emplace_back(entry.job.id, std::move(append->segment));
    return true;
  }
  return false;
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
    void operator()(OfferTasks& offer) const {
      offer_tasks(entry.job, offer);
      engine.enqueue(entry);
    }
    void operator()(StopTasks& stop) const {
      for (const auto id : entry.slices) {
        if (engine.outstanding_.at(id).round == stop.round) engine.actions_.emplace_back(StopSlice{id});
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
      if (entry.followers == 0) return;
      engine.actions_.emplace_back(Announce{entry.job.id, std::move(publish)});
    }
    void operator()(EndJob&) const { engine.forget(entry.job.id); }
  };
  std::visit(Act{*this, now, entry}, body);
}

void Engine::enqueue(Live& entry) {
  if (!has_ready_tasks(entry.job)) return;
  const auto& round = *entry.job.round;
  for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
    if (round.ready[spec].empty()) continue;
    const auto lane = lane_of(round.specs[spec]);
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
  jobs_.erase(job);
}

// ---- writes and what waits for them ----

void Engine::hold_or_do(Live& entry, Action action) {
  save_in_next_batch(entry);
  hold_or_do(std::move(action));
}

CommitSequence Engine::newest_write() const { return has_writes() ? last_closed_ + 1 : last_closed_; }

void Engine::hold_or_do(Action action) {
  const auto depends_on = newest_write();
  if (depends_on > durable_) {
    held_actions_[depends_on].push_back(std::move(action));
  } else {
    actions_.push_back(std::move(action));
  }
}

Batch Engine::close_batch() {
  open_.sequence = ++last_closed_;
  open_.jobs.reserve(dirty_.size());
  for (const auto job : dirty_) {
    auto* entry = live(job);
    BOOST_ASSERT_MSG(entry, "a job was forgotten before it was written");
    entry->unsaved = Unsaved::nothing;
    open_.jobs.push_back(encode_job(entry->job));
  }
  dirty_.clear();
  closed_bytes_ += open_bytes_;
  open_bytes_ = 0;
  Batch next;
  next.incarnation = open_.incarnation;
  return std::exchange(open_, std::move(next));
}

void Engine::committed(const Now& now, CommitSequence sequence) {
  durable_ = sequence;
  closed_bytes_ = 0;
  while (!held_.empty() && held_.begin()->first <= sequence) {
    auto due = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    for (auto& held : due) {
      if (auto* entry = live(held.job)) act(now, *entry, held.effect.body);
    }
  }
  while (!held_actions_.empty() && held_actions_.begin()->first <= sequence) {
    for (auto& action : held_actions_.begin()->second) actions_.push_back(std::move(action));
    held_actions_.erase(held_actions_.begin());
  }
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
  }
}

void Engine::tick(const Now& now) {
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
  if (alone_out_ && (!next || alone_until_ < *next)) next = alone_until_;
  for (const auto& [job, out] : boundaries_out_) {
    const auto due = out.recalled ? out.deadline : std::min(out.deadline, out.recall_at);
    if (!next || due < *next) next = due;
  }
  return next;
}

}  // namespace coremachine::machine
