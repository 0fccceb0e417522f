#include <string>
#include <utility>
#include <variant>

#include "core/machine/join.hpp"
#include "core/machine/stepper.hpp"

namespace coremachine::machine {

void Stepper::open_round(NextStage next) {
  Round round;
  round.number = ++job_.last_round;
  round.stage = next.stage;
  round.policy = std::move(next.policy);
  round.specs = std::move(next.specs);
  round.ready.resize(round.specs.size());
  round.started_at = now_.time;

  round.folds = next.folds;
  round.source = std::move(next.source);
  std::size_t bytes = 0;
  std::uint64_t tasks = 0;
  for (const auto& segment : next.chunks) {
    bytes += segment.body->size();
    tasks += segment.count;
  }
  round.is_inline = !round.source && tasks <= rules_.inline_tasks && bytes <= rules_.inline_bytes;
  round.inline_bytes = round.is_inline ? bytes : 0;
  // Pure tasks may run ahead of the disk; it is worth it where a sync is most of the time, in small rounds.
  bool ahead = round.is_inline;
  for (const auto& spec : round.specs) ahead = ahead && spec.pure;

  const bool first = !job_.started_at;
  job_.round = std::move(round);
  add_chunks(next.chunks);
  if (first) job_.started_at = now_.time;
  if (job_.status == JobStatus::queued) move(JobStatus::running, JobCause::work_began);
  save();
  if (first) publish(PublishedKind::job_started);
  job_.round->opened.total = job_.round->counts.total;
  publish(PublishedKind::stage_started);
  set_stage_timer();

  if (job_.round->counts.total == 0) {
    evaluate_join();
    pull_more();
    return;
  }
  const OfferTasks offer{job_.round->number, 0, static_cast<ChunkNumber>(job_.round->chunks.size())};
  if (ahead) {
    out_.now(offer);
  } else {
    out_.after_commit(offer);
  }
  if (std::holds_alternative<JoinAtLeast>(job_.round->policy.join)) evaluate_join();
  pull_more();
}

void Stepper::add_chunks(std::vector<DefinitionSegment>& segments) {
  auto& round = *job_.round;
  std::size_t bytes = 0;
  for (auto& segment : segments) {
    bytes += segment.body->size();
    Chunk chunk;
    chunk.first = segment.first;
    chunk.count = segment.count;
    chunk.spec = segment.spec;
    chunk.specs = segment.specs;
    if (bytes <= rules_.kept_definitions) chunk.definitions = segment.body;
    round.critical.total += critical_tasks(round, chunk);
    round.counts.total += chunk.count;
    round.counts.queued += chunk.count;
    round.chunks.push_back(std::move(chunk));
    segment.round = round.defined_in();
    if (round.is_inline) {
      round.inline_definitions.push_back(std::move(segment));
    } else {
      out_.write(AppendDefinitions{std::move(segment)});
    }
  }
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
  closed.opened = round.opened;
  closed.started_event = round.started_event;
  closed.closed_event = round.closed_event;
  closed.folds = round.folds;
  closed.source = std::move(round.source);
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
  publish(PublishedKind::stage_completed);
}

void Stepper::evaluate_join() {
  auto& round = *job_.round;
  if (round.phase == RoundPhase::stopping) {
    if (round.counts.running == 0) finish_stop();
    return;
  }
  if (round.phase != RoundPhase::open || gate_holds()) return;
  const bool all_in = round.total_known() && round.counts.finished() == round.counts.total;
  switch (judge(round)) {
    case JoinVerdict::undecided: return;
    case JoinVerdict::missed:
      if (all_in || round.policy.stragglers == Stragglers::cancel ||
          std::holds_alternative<JoinAll>(round.policy.join)) {
        stop_round(StopReason::join_missed);
      }
      return;
    case JoinVerdict::met:
      if (all_in) {
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
  drop_boundary();  // it would bring more tasks
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
    case StopReason::handler_failed: {
      auto error = job_.error;
      end_round(StageStatus::failed);
      const bool dead = is_fatal(*error);
      end_job(dead ? JobStatus::dead : JobStatus::failed, dead ? JobCause::died : JobCause::failed, std::move(error));
      return;
    }
    case StopReason::deadline:
      round.counts.cancelled += round.counts.queued + round.counts.running;
      round.counts.queued = round.counts.running = 0;
      if (holds_as_it_is(round)) {
        save();
        round_joined();
        return;
      } else {
        auto error = failure_at_deadline();
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

Error Stepper::failure_at_deadline() const {
  const auto& round = *job_.round;
  Error error{ErrorCode::stage_deadline, std::to_string(round.counts.completed) + " of " +
                                             std::to_string(round.counts.total) + " tasks of stage " +
                                             std::to_string(round.stage) + " had completed at its deadline of " +
                                             std::to_string(round.policy.deadline->count()) + " ms"};
  error.stage = round.stage;
  return error;
}

Error Stepper::failure_of_join() const {
  const auto& round = *job_.round;
  const bool one_is_enough =
      std::holds_alternative<JoinAll>(round.policy.join) || std::holds_alternative<JoinCritical>(round.policy.join);
  if (one_is_enough && round.first_error) return *round.first_error;
  Error error{ErrorCode::too_many_failures, std::to_string(round.counts.failed + round.counts.dead) + " of " +
                                                std::to_string(round.counts.total) + " tasks of stage " +
                                                std::to_string(round.stage) + " failed, more than its join tolerates"};
  error.stage = round.stage;
  if (const auto* least = std::get_if<JoinAtLeast>(&round.policy.join)) {
    error.message = std::to_string(round.counts.completed) + " of " + std::to_string(round.counts.total) +
                    " tasks of stage " + std::to_string(round.stage) + " completed, and its join asks for at least " +
                    std::to_string(least->count);
  }
  if (!round.first_error) return error;
  error.message += "; first: " + round.first_error->message;
  error.task_index = round.first_error->task_index;
  error.task_type = round.first_error->task_type;
  error.attempt = round.first_error->attempt;
  return error;
}

}  // namespace coremachine::machine
