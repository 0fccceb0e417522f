// What people ask of the engine, and what they are shown.

#include "core/machine/engine.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <boost/assert.hpp>

#include "core/model/codec.hpp"

namespace coremachine::machine {

std::shared_ptr<const Job> snapshot(const Job& job) {
  auto copy = std::make_shared_for_overwrite<Job>();
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
  copy->traceparent = job.traceparent;
  copy->started_at = job.started_at;
  copy->finished_at = job.finished_at;
  copy->last_event = job.last_event;
  copy->closed = job.closed;
  if (job.round) {
    auto& round = copy->round.emplace();
    round.number = job.round->number;
    round.stage = job.round->stage;
    round.status = job.round->status;
    round.phase = job.round->phase;
    round.counts = job.round->counts;
    round.result = job.round->result;
    round.policy = job.round->policy;
    round.started_at = job.round->started_at;
    round.finished_at = job.round->finished_at;
  }
  return copy;
}

// ---- requests ----

namespace {

Error no_such_job(JobId job) {
  return Error{ErrorCode::unknown_job, "there is no job " + job.str()};
}

}  // namespace

void Engine::submit(const Now& now, Submission submission, RequestId request, Until until, bool followed) {
  const auto refuse = [&](ErrorCode code, std::string why) {
    actions_.emplace_back(Answer{request, Error{code, std::move(why)}, {}, {}});
  };
  if (draining_) return refuse(ErrorCode::draining, "the machine is stopping and takes no new jobs");
  if (store_full_)
    return refuse(ErrorCode::store_full, "the disk of the store is full; nothing new is taken until there is space");
  if (jobs_.size() >= setup_.max_jobs) {
    return refuse(ErrorCode::overloaded, std::to_string(jobs_.size()) + " jobs are not over yet; try again later");
  }
  const auto id = submission.id;
  auto keys = keys_of(submission);
  auto artifacts = std::move(submission.artifacts);
  auto added = std::make_unique_for_overwrite<Live>();
  added->job = make_job(std::move(submission));
  added->is_new = true;
  auto& entry = *added;
  const bool fresh = jobs_.emplace(id, std::move(added)).second;
  BOOST_ASSERT_MSG(fresh, "a job id was given out twice");
  if (until == Until::ended) entry.waiters.push_back(request);
  if (followed) entry.followers = 1;
  step_job(now, entry, JobSubmitted{});
  if (!keys.empty() || !artifacts.empty()) save_in_next_batch(entry);
  keep_artifacts(id, std::move(artifacts));
  for (auto& key : keys) add_key(std::move(key));
  if (until == Until::ended) return;
  Answer accepted{request, std::nullopt, id, until == Until::shown ? snapshot(entry.job) : nullptr};
  // One that is due later has nothing to gain: it will not be over by the next batch.
  if (entry.job.status == JobStatus::scheduled) save_in_next_batch(entry);
  if (entry.unsaved != Unsaved::later) return hold_or_do(entry, std::move(accepted));
  entry.acceptance = std::make_unique<Answer>(std::move(accepted));
  arrivals_.push_back(id);
}

std::vector<SubmissionKey> keys_of(const Submission& submission) {
  std::vector<SubmissionKey> keys;
  if (!submission.idempotency_key.empty())
    keys.push_back({"i:" + submission.idempotency_key, submission.id, submission.fingerprint});
  if (submission.unique) keys.push_back({"u:" + submission.fingerprint, submission.id, submission.fingerprint});
  return keys;
}

const SubmissionKey* Engine::pending_key(const std::string& key) const {
  const auto found = pending_keys_.find(key);
  return found == pending_keys_.end() ? nullptr : &found->second.first;
}

void Engine::add_key(SubmissionKey key) {
  pending_keys_[key.key] = {key, last_closed_ + 1};
  open_.keys.push_back(std::move(key));
}

void Engine::submitted_before(JobId job, RequestId request, Until until) {
  auto* entry = live(job);
  BOOST_ASSERT_MSG(entry, "a job that is over is answered from the store");
  if (until == Until::ended) return entry->waiters.push_back(request);
  Answer answer{request, std::nullopt, job, until == Until::shown ? snapshot(entry->job) : nullptr};
  answer.existing = true;
  hold_or_do(*entry, std::move(answer));
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
    case Control::cancel:
      if (entry->job.status != JobStatus::cancelling) step_job(now, *entry, CancelRequested{});
      break;
    case Control::pause:
      if (entry->job.status == JobStatus::paused) break;
      step_job(now, *entry, PauseRequested{});
      recall(*entry);
      break;
    case Control::resume: step_job(now, *entry, ResumeRequested{}); break;
    case Control::signal: BOOST_ASSERT_MSG(false, "a signal has a way of its own"); break;
    case Control::redrive:
      // It is over, but that is not on disk yet: then it will be forgotten, and read back.
      hold_or_do(*entry, LoadJob{job, request});
      return;
  }
  hold_or_do(*entry, Answer{request, std::nullopt, job, snapshot(entry->job)});
}

void Engine::signal(const Now& now, JobId job, Signal signal, RequestId request, ArtifactHolds artifacts) {
  auto* entry = live(job);
  if (!entry) {
    actions_.emplace_back(Answer{request, no_such_job(job), job, {}});
    return;
  }
  auto refused = refusal(Control::signal, job, entry->job.status);
  if (!refused && entry->job.signals.size() >= setup_.rules.max_signals) {
    refused = Error{ErrorCode::overloaded, "job " + job.str() + " has " + std::to_string(entry->job.signals.size()) +
                                               " signals that nothing has waited for; it takes no more"};
  }
  if (refused) return hold_or_do(*entry, Answer{request, std::move(refused), job, {}});
  step_job(now, *entry, SignalReceived{std::move(signal), std::move(artifacts)});
  // The gate that it opens may have been the last thing of the job.
  if (auto* still = live(job)) hold_or_do(*still, Answer{request, std::nullopt, job, snapshot(still->job)});
}

void Engine::loaded(const Now& now, RequestId request, Job job, std::optional<Round> target) {
  const auto id = job.id;
  const auto gone = [&](const auto& entry) { return entry.second == id; };
  if (std::any_of(removed_.begin(), removed_.end(), gone)) {
    actions_.emplace_back(Answer{request, no_such_job(id), id, {}});
    return;
  }
  auto* present = live(id);
  const auto status = present ? present->job.status : job.status;
  auto refused = refusal(Control::redrive, id, status);
  if (!refused && draining_) refused = Error{ErrorCode::draining, "the machine is stopping and takes no new work"};
  if (!refused && store_full_) refused = Error{ErrorCode::store_full, "the disk of the store is full"};
  if (refused || present) {
    Answer answer{
        request, refused ? std::move(refused) : Error{ErrorCode::wrong_state, "the job is being retried"}, id, {}};
    if (present) return hold_or_do(*present, std::move(answer));
    return hold_or_do(std::move(answer));
  }
  auto added = std::make_unique_for_overwrite<Live>();
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

namespace {

std::string limit_text(const TypeLimit& limit) {
  std::string text;
  JsonWriter out(text);
  codec::write_limit(out, limit);
  return text;
}

}  // namespace

void Engine::set_limit(const Now& now, const std::string& type, const TypeLimit& limit, RequestId request) {
  limits_.set(type, limit, now.time);
  const bool none = limit == TypeLimit{};
  open_.settings.push_back({"limit", type, none ? nullptr : make_text(limit_text(limit))});
  // What was handed out and has not begun goes by the new limit too.
  for (const auto& [id, out] : outstanding_) {
    if (out.task_type == type) actions_.emplace_back(RecallSlice{id});
  }
  wake_limited(now);
  hold_or_do(Answer{request, std::nullopt, {}, {}});
}

void Engine::remove(const Now& now, JobId job, RequestId request) {
  if (auto* entry = live(job)) {
    auto refused =
        Error{ErrorCode::wrong_state, "job " + job.str() + " is " + std::string(to_string(entry->job.status)) +
                                          ": only a job that is over can be deleted"};
    return hold_or_do(*entry, Answer{request, std::move(refused), job, {}});
  }
  open_.deletes.push_back(job);
  removed_.emplace_back(now.time + setup_.removed_for, job);
  garbage_ = true;
  hold_or_do(Answer{request, std::nullopt, job, {}});
}

void Engine::await_end(JobId job, RequestId request) {
  if (auto* entry = live(job)) {
    entry->waiters.push_back(request);
  } else {
    actions_.emplace_back(Answer{request, no_such_job(job), job, {}});
  }
}

void Engine::give_up(JobId job, RequestId request) {
  auto* entry = live(job);
  if (!entry || std::erase(entry->waiters, request) == 0) return;  // its answer is on its way
  hold_or_do(*entry, Answer{request, std::nullopt, job, snapshot(entry->job)});
}

void Engine::follow(JobId job, bool on) {
  if (auto* entry = live(job)) entry->followers += on ? 1 : -1;
}

void Engine::follow(const Now& now, JobId job, RequestId request) {
  auto* entry = live(job);
  if (!entry) {
    actions_.emplace_back(Answer{request, no_such_job(job), job, {}});
    return;
  }
  ++entry->followers;
  hold_or_do(*entry, Answer{request, std::nullopt, job, snapshot(entry->job)});
  tell_progress(now, *entry);
}

}  // namespace coremachine::machine
