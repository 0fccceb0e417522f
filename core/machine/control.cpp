#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <boost/assert.hpp>

#include "core/machine/stepper.hpp"

namespace coremachine::machine {

Job make_job(Submission submission) {
  Job job;
  job.id = submission.id;
  job.type = std::move(submission.type);
  job.version = std::move(submission.version);
  job.params = std::move(submission.params);
  job.priority = submission.priority;
  job.tags = std::move(submission.tags);
  job.run_at = submission.run_at;
  job.timeout = submission.timeout;
  job.traceparent = std::move(submission.traceparent);
  return job;
}

void step(Job& job, Event event, const Now& now, const Rules& rules, Effects& out) {
  Stepper stepper(job, now, rules, out);
  std::visit([&](auto& happened) { stepper(std::move(happened)); }, event);
}

std::optional<Error> refusal(Control control, JobId id, JobStatus status) {
  const auto refuse = [&](std::string why) {
    return Error{ErrorCode::wrong_state, "job " + id.str() + " " + std::move(why)};
  };
  const auto is = "is " + std::string(to_string(status));
  switch (control) {
    case Control::cancel:
      if (is_terminal(status)) return refuse(is + ": it is over and cannot be cancelled");
      return std::nullopt;
    case Control::pause:
      if (is_terminal(status)) return refuse(is + ": it is over and cannot be paused");
      if (status == JobStatus::cancelling) return refuse("is being cancelled and cannot be paused");
      return std::nullopt;
    case Control::resume:
      if (status != JobStatus::paused) return refuse(is + ": only a paused job can be resumed");
      return std::nullopt;
    case Control::signal:
      if (is_terminal(status)) return refuse(is + ": it is over and waits for nothing");
      if (status == JobStatus::cancelling) return refuse("is being cancelled and waits for nothing");
      return std::nullopt;
    case Control::redrive:
      if (!is_terminal(status)) return refuse(is + ": only a job that is over can be retried");
      if (status == JobStatus::completed) return refuse("completed: nothing of it is left to run");
      return std::nullopt;
  }
  return std::nullopt;
}

void Stepper::move(JobStatus to, JobCause cause) {
  BOOST_ASSERT_MSG(is_legal(job_.status, to, cause), "a job took a transition that the table does not have");
  job_.status = to;
}

Publish make_publish(Job& job, PublishedKind kind, const Now& now) {
  Publish told;
  told.kind = kind;
  told.sequence = ++job.last_event;
  told.at = now.time;
  told.attempt = job.attempt;
  told.status = job.status;
  if (job.round) {
    told.stage = job.round->stage;
    told.round = job.round->number;
    told.stage_status = job.round->status;
    told.counts = job.round->counts;
  }
  switch (kind) {
    case PublishedKind::job_accepted:
      job.accepted_event = told.sequence;
      told.at = job.accepted_at.value_or(job.created_at);
      break;
    case PublishedKind::job_started:
      job.started_event = told.sequence;
      told.status = JobStatus::running;  // also if it was paused in the meantime
      break;
    case PublishedKind::stage_started: job.round->started_event = told.sequence; break;
    case PublishedKind::stage_completed: job.round->closed_event = told.sequence; break;
    case PublishedKind::job_ended: told.cause = job.error; break;
    case PublishedKind::progress:
    case PublishedKind::task_failed: break;
  }
  return told;
}

void Stepper::operator()(JobSubmitted) {
  job_.created_at = std::max(now_.time, job_.id.created());  // a clock that was set back does not reorder jobs
  const bool later = job_.run_at && *job_.run_at > now_.time;
  job_.status = later ? JobStatus::scheduled : JobStatus::queued;
  save();
  publish(PublishedKind::job_accepted);
  if (later) {
    out_.now(SetTimer{TimerKind::due, *job_.run_at, 0});
  } else {
    begin();
  }
}

void Stepper::operator()(JobCameDue) {
  if (job_.status != JobStatus::scheduled || !job_.run_at || *job_.run_at > now_.time) return;
  move(JobStatus::queued, JobCause::came_due);
  save();
  begin();
}

void Stepper::begin() {
  set_deadline();
  call_handler(BoundaryKind::open_first, 1, 0);
}

void Stepper::set_deadline() {
  if (!job_.timeout) return;
  job_.deadline = now_.time + *job_.timeout;
  out_.now(SetTimer{TimerKind::job_deadline, *job_.deadline, 0});
}

void Stepper::drop_boundary() {
  if (!job_.boundary) return;
  out_.now(DropHandlerCall{job_.boundary->number});
  job_.boundary.reset();
}

void Stepper::operator()(CancelRequested) {
  if (is_terminal(job_.status) || job_.status == JobStatus::cancelling) return;
  drop_boundary();
  const bool runs = job_.round && job_.round->counts.running > 0 &&
                    (job_.round->phase == RoundPhase::open || job_.round->phase == RoundPhase::stopping);
  if (runs) {
    move(JobStatus::cancelling, JobCause::cancel_asked);
    save();
    stop_round(StopReason::cancelled);
    return;
  }
  if (job_.round && job_.round->phase != RoundPhase::closed) end_round(StageStatus::cancelled);
  end_job(JobStatus::cancelled, JobCause::cancel_done, Error{ErrorCode::cancelled, "the job was cancelled"});
}

void Stepper::operator()(PauseRequested) {
  if (job_.status != JobStatus::scheduled && job_.status != JobStatus::queued && job_.status != JobStatus::running)
    return;
  move(JobStatus::paused, JobCause::pause);
  save();
}

void Stepper::operator()(ResumeRequested) {
  if (job_.status != JobStatus::paused) return;
  if (job_.round) {
    move(JobStatus::running, JobCause::resume);
    wait_anew();
    save();
    if (job_.boundary) {
      ask_boundary();
    } else if (job_.round->phase == RoundPhase::joined) {
      call_handler(BoundaryKind::close, job_.round->stage, job_.round->number);
    } else {
      pull_more();
    }
    return;
  }
  if (job_.run_at && *job_.run_at > now_.time) {
    move(JobStatus::scheduled, JobCause::resume);
    save();
    out_.now(SetTimer{TimerKind::due, *job_.run_at, 0});
    return;
  }
  move(JobStatus::queued, JobCause::resume);
  save();
  if (job_.boundary) {
    ask_boundary();
  } else {
    begin();
  }
}

void Stepper::operator()(JobTimedOut) {
  if (is_terminal(job_.status) || job_.status == JobStatus::cancelling) return;
  if (!job_.deadline || *job_.deadline > now_.time) return;
  drop_boundary();
  const Error error{ErrorCode::job_timeout,
                    "the job took longer than its timeout of " + std::to_string(job_.timeout->count()) + " ms"};
  if (job_.round && job_.round->counts.running > 0 && job_.round->phase != RoundPhase::closed) {
    job_.error = error;
    stop_round(StopReason::job_timeout);
    return;
  }
  if (job_.round && job_.round->phase != RoundPhase::closed) end_round(StageStatus::failed);
  end_job(JobStatus::failed, JobCause::failed, error);
}

void Stepper::end_job(JobStatus status, JobCause cause, std::optional<Error> error) {
  drop_boundary();
  move(status, cause);
  job_.error = std::move(error);
  job_.finished_at = now_.time;
  job_.deadline.reset();
  save();
  publish(PublishedKind::job_ended);
  out_.after_commit(EndJob{});
}

std::optional<RoundNumber> redrive_target(const Job& job) {
  for (const auto& closed : job.closed) {
    if (closed.counts.completed < closed.counts.total) return closed.number;
  }
  if (job.round) return job.round->number;
  return std::nullopt;
}

namespace {

/// A round that goes on from `target`: what completed there stays completed, the rest has all its attempts again.
Round reopened(Round target, RoundNumber number) {
  Round round = std::move(target);
  round.lineage.push_back(round.number);
  round.number = number;
  round.status = StageStatus::running;
  round.phase = RoundPhase::open;
  round.stop = StopReason::none;
  round.first_error.reset();
  round.result.reset();
  round.finished_at.reset();
  round.next_sequence = 0;
  round.told_failures = 0;
  round.started_event = round.closed_event = 0;
  round.retries.clear();
  round.gate_open = false;
  round.signal.reset();
  return round;
}

}  // namespace

void Stepper::operator()(RedriveRequested event) {
  if (!is_terminal(job_.status) || job_.status == JobStatus::completed) return;
  move(JobStatus::queued, JobCause::redrive);
  ++job_.attempt;
  job_.error.reset();
  job_.result.reset();
  job_.finished_at.reset();
  job_.started_at.reset();
  job_.run_at.reset();
  job_.boundary_losses = 0;
  job_.accepted_at = now_.time;
  job_.started_event = 0;
  publish(PublishedKind::job_accepted);
  if (!event.target) {
    save();
    begin();
    return;
  }

  const auto target = event.target->number;
  out_.write(DiscardRounds{target});
  std::erase_if(job_.closed, [&](const ClosedRound& closed) { return closed.number >= target; });
  job_.had_failures = false;
  for (const auto& closed : job_.closed) job_.had_failures |= closed.status == StageStatus::completed_with_errors;

  job_.round = reopened(std::move(*event.target), ++job_.last_round);
  auto& round = *job_.round;
  round.started_at = now_.time;
  round.counts = TaskCounts{.total = round.counts.total};
  for (auto& chunk : round.chunks) {
    round.counts.completed += chunk.finished_count;
    if (chunk.complete()) chunk.notes.clear();
  }
  round.counts.queued = round.counts.total - round.counts.completed;
  round.opened = {round.counts.total, round.counts.completed};
  set_deadline();
  save();
  publish(PublishedKind::stage_started);
  set_stage_timer();
  if (round.counts.queued == 0) {
    evaluate_join();
  } else {
    out_.after_commit(OfferTasks{round.number, 0, static_cast<ChunkNumber>(round.chunks.size())});
  }
  pull_more();
}

}  // namespace coremachine::machine
