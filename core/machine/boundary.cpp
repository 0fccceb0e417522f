#include <string>
#include <utility>
#include <variant>

#include "core/machine/join.hpp"
#include "core/machine/stepper.hpp"

namespace coremachine::machine {

void Stepper::call_handler(BoundaryKind kind, int stage, RoundNumber round) {
  job_.boundary = Boundary{++job_.last_boundary, kind, stage, round};
  ask_boundary();
}

void Stepper::ask_boundary() {
  const CallHandler call{*job_.boundary};
  // Results of a large round are read from the store, so they have to be there.
  const bool from_store = call.boundary.kind == BoundaryKind::close && !job_.round->is_inline && job_.round->counts.total > 0;
  if (from_store) {
    out_.after_commit(call);
  } else {
    out_.now(call);
  }
}

void Stepper::operator()(BoundaryDecided event) {
  if (!job_.boundary || job_.boundary->number != event.boundary) return;
  const auto kind = job_.boundary->kind;
  job_.boundary.reset();
  job_.boundary_losses = 0;

  if (auto* failed = std::get_if<HandlerFailed>(&event.next)) {
    if (kind == BoundaryKind::close) {
      job_.round->result = event.stage_result;
      end_round(event.stage_result ? job_.round->status : StageStatus::failed);
    }
    end_job(failed->dead ? JobStatus::dead : JobStatus::failed, failed->dead ? JobCause::died : JobCause::failed,
            std::move(failed->error));
    return;
  }
  if (kind == BoundaryKind::close) close_round(std::move(event.stage_result));

  if (auto* next = std::get_if<NextStage>(&event.next)) {
    if (job_.last_round >= rules_.max_rounds) {
      end_job(JobStatus::dead, JobCause::died,
              Error{ErrorCode::handler_contract, "the job has run " + std::to_string(rules_.max_rounds) +
                                                     " stages and asks for another: should_advance_stage never ends it"});
      return;
    }
    if (kind == BoundaryKind::close) leave_round();
    open_round(std::move(*next));
    return;
  }
  job_.result = std::move(std::get<Finished>(event.next).result);
  if (job_.status == JobStatus::queued) {
    move(JobStatus::running, JobCause::work_began);
    if (!job_.started_at) job_.started_at = now_.time;
  }
  end_job(job_.had_failures ? JobStatus::completed_with_errors : JobStatus::completed, JobCause::finished, std::nullopt);
}

void Stepper::operator()(BoundaryTimedOut event) {
  if (!job_.boundary || job_.boundary->number != event.boundary) return;
  const auto stage = job_.boundary->stage;
  if (job_.boundary->kind == BoundaryKind::close) end_round(StageStatus::failed);
  Error error{ErrorCode::boundary_timeout, "the functions of the job handler took longer than they may at the boundary of stage " +
                                               std::to_string(stage)};
  error.stage = stage;
  end_job(JobStatus::failed, JobCause::failed, std::move(error));
}

void Stepper::operator()(BoundaryLost) {
  if (is_terminal(job_.status)) return;
  ++job_.boundary_losses;
  if (job_.boundary_losses < rules_.poison_deaths) {
    save();
    return;
  }
  if (job_.status == JobStatus::scheduled) return;
  if (job_.status == JobStatus::cancelling) return;
  const int stage = job_.round ? job_.round->stage : 1;
  if (job_.round && job_.round->phase != RoundPhase::closed) end_round(StageStatus::failed);
  Error error{ErrorCode::poison, "the process died " + std::to_string(job_.boundary_losses) +
                                     " times while the functions of the job handler ran alone at the boundary of stage " +
                                     std::to_string(stage)};
  error.stage = stage;
  end_job(JobStatus::dead, JobCause::died, std::move(error));
}

void Stepper::open_round(NextStage next) {
  Round round;
  round.number = ++job_.last_round;
  round.stage = next.stage;
  round.policy = std::move(next.policy);
  round.specs = std::move(next.specs);
  round.ready.resize(round.specs.size());
  round.started_at = now_.time;

  std::size_t bytes = 0;
  for (const auto& segment : next.chunks) {
    bytes += segment.body->size();
    round.counts.total += segment.count;
    Chunk chunk;
    chunk.first = segment.first;
    chunk.count = segment.count;
    chunk.spec = segment.spec;
    chunk.specs = segment.specs;
    if (bytes <= rules_.kept_definitions) chunk.definitions = segment.body;
    round.chunks.push_back(std::move(chunk));
  }
  round.counts.queued = round.counts.total;
  round.is_inline = round.counts.total <= rules_.inline_tasks && bytes <= rules_.inline_bytes;
  round.inline_bytes = round.is_inline ? bytes : 0;

  // Pure tasks may run ahead of the disk; it is worth it where a sync is most of the time, in small rounds.
  bool ahead = round.is_inline;
  for (const auto& spec : round.specs) ahead = ahead && spec.pure;
  for (auto& segment : next.chunks) {
    segment.round = round.number;
    if (round.is_inline) {
      round.inline_definitions.push_back(std::move(segment));
    } else {
      out_.write(AppendDefinitions{std::move(segment)});
    }
  }

  const bool first = !job_.started_at;
  job_.round = std::move(round);
  if (first) job_.started_at = now_.time;
  if (job_.status == JobStatus::queued) move(JobStatus::running, JobCause::work_began);
  save();
  if (first) publish(PublishedKind::job_started);
  publish(PublishedKind::stage_started, job_.round->stage, job_.round->number);

  if (job_.round->counts.total == 0) {
    evaluate_join();
    return;
  }
  const OfferTasks offer{job_.round->number, 0, static_cast<ChunkNumber>(job_.round->chunks.size())};
  if (ahead) {
    out_.now(offer);
  } else {
    out_.after_commit(offer);
  }
  if (std::holds_alternative<JoinAtLeast>(job_.round->policy.join)) evaluate_join();
}

void Stepper::leave_round() {
  auto& round = *job_.round;
  ClosedRound closed;
  closed.number = round.number;
  closed.stage = round.stage;
  closed.lineage = std::move(round.lineage);
  closed.status = round.status;
  closed.counts = round.counts;
  closed.result = round.result;
  closed.started_at = round.started_at;
  closed.finished_at = round.finished_at;
  closed.policy = round.policy;
  closed.specs = std::move(round.specs);
  closed.is_inline = round.is_inline;
  ClosedRound kept = closed;  // readers and later stages need no more than this of it
  closed.inline_definitions = std::move(round.inline_definitions);
  closed.inline_outcomes = std::move(round.inline_outcomes);
  kept.specs.clear();
  out_.write(SaveRound{std::move(closed)});
  job_.closed.push_back(std::move(kept));
  job_.round.reset();
}

void Stepper::close_round(Text result) {
  auto& round = *job_.round;
  round.result = std::move(result);
  const bool clean = round.counts.completed == round.counts.total;
  if (!clean) job_.had_failures |= round.counts.failed + round.counts.dead > 0;
  end_round(round.counts.failed + round.counts.dead > 0 ? StageStatus::completed_with_errors : StageStatus::completed);
}

void Stepper::end_round(StageStatus status) {
  auto& round = *job_.round;
  auto& counts = round.counts;
  counts.cancelled += counts.queued + counts.running + counts.retrying;
  counts.queued = counts.running = counts.retrying = 0;
  if (round.phase == RoundPhase::open) out_.now(StopTasks{round.number});
  round.phase = RoundPhase::closed;
  round.status = status;
  round.finished_at = now_.time;
  round.ready.clear();
  round.ready_count = 0;
  round.retries.clear();
  round.chunks.clear();
  publish(PublishedKind::stage_completed, round.stage, round.number);
}

void Stepper::evaluate_join() {
  auto& round = *job_.round;
  if (round.phase == RoundPhase::stopping) {
    if (round.counts.running == 0) finish_stop();
    return;
  }
  if (round.phase != RoundPhase::open) return;
  switch (judge(round.policy.join, round.counts)) {
    case JoinVerdict::undecided: return;
    case JoinVerdict::missed:
      if (round.counts.finished() == round.counts.total || round.policy.stragglers == Stragglers::cancel ||
          std::holds_alternative<JoinAll>(round.policy.join)) {
        stop_round(StopReason::join_missed);
      }
      return;
    case JoinVerdict::met:
      if (round.counts.finished() == round.counts.total) {
        round_joined();
      } else if (round.policy.stragglers == Stragglers::cancel) {
        stop_round(StopReason::join_met);
      }
      return;
  }
}

void Stepper::round_joined() {
  auto& round = *job_.round;
  round.phase = RoundPhase::joined;
  round.ready.clear();
  round.ready_count = 0;
  round.chunks.clear();
  round.chunks.shrink_to_fit();
  if (job_.status == JobStatus::paused) return;
  call_handler(BoundaryKind::close, round.stage, round.number);
}

void Stepper::stop_round(StopReason reason) {
  auto& round = *job_.round;
  round.stop = reason;
  if (round.phase == RoundPhase::stopping) return;
  round.phase = RoundPhase::stopping;
  save();
  for (auto& queue : round.ready) queue = ReadyQueue{};
  round.ready_count = 0;
  round.retries.clear();
  round.counts.queued += round.counts.retrying;
  round.counts.retrying = 0;
  out_.now(StopTasks{round.number});
  if (round.counts.running == 0) {
    finish_stop();
  } else {
    out_.now(SetTimer{TimerKind::grace, now_.time + rules_.grace, round.number});
  }
}

void Stepper::operator()(GraceEnded event) {
  if (!job_.round || job_.round->number != event.round || job_.round->phase != RoundPhase::stopping) return;
  // What still runs has had its time: it is fenced, since a round that is not stopping takes no report.
  finish_stop();
}

void Stepper::finish_stop() {
  auto& round = *job_.round;
  const auto stop = round.stop;
  switch (stop) {
    case StopReason::none: return;
    case StopReason::join_met:
      round.counts.cancelled += round.counts.queued + round.counts.running;
      round.counts.queued = round.counts.running = 0;
      save();
      round_joined();
      return;
    case StopReason::join_missed: {
      auto error = failure_of_join();
      end_round(StageStatus::failed);
      end_job(JobStatus::failed, JobCause::failed, std::move(error));
      return;
    }
    case StopReason::task_died: {
      auto error = round.first_error;
      end_round(StageStatus::failed);
      end_job(JobStatus::dead, JobCause::died, std::move(error));
      return;
    }
    case StopReason::job_timeout: {
      auto error = job_.error;
      end_round(StageStatus::failed);
      end_job(JobStatus::failed, JobCause::failed, std::move(error));
      return;
    }
    case StopReason::cancelled:
      end_round(StageStatus::cancelled);
      end_job(JobStatus::cancelled, JobCause::cancel_done, Error{ErrorCode::cancelled, "the job was cancelled"});
      return;
  }
}

Error Stepper::failure_of_join() const {
  const auto& round = *job_.round;
  if (std::holds_alternative<JoinAll>(round.policy.join) && round.first_error) return *round.first_error;
  Error error{ErrorCode::too_many_failures,
              std::to_string(round.counts.failed + round.counts.dead) + " of " + std::to_string(round.counts.total) +
                  " tasks of stage " + std::to_string(round.stage) + " failed, more than its join tolerates"};
  error.stage = round.stage;
  if (!round.first_error) return error;
  error.message += "; first: " + round.first_error->message;
  error.task_index = round.first_error->task_index;
  error.task_type = round.first_error->task_type;
  error.attempt = round.first_error->attempt;
  return error;
}

}  // namespace coremachine::machine
