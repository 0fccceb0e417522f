#include <string>
#include <utility>
#include <variant>

#include "core/machine/stepper.hpp"

namespace coremachine::machine {

namespace {

void ask_handler(const Job& job, Effects& out) {
  const CallHandler call{*job.boundary};
  // Results of a large round are read from the store, so they have to be there.
  const bool from_store =
      call.boundary.kind == BoundaryKind::close && !job.round->is_inline && job.round->counts.total > 0;
  if (from_store) {
    out.after_commit(call);
  } else {
    out.now(call);
  }
}

}  // namespace

void call_handler(Job& job, BoundaryKind kind, int stage, RoundNumber round, Effects& out) {
  job.boundary = Boundary{++job.last_boundary, kind, stage, round};
  ask_handler(job, out);
}

void Stepper::ask_boundary() {
  ask_handler(job_, out_);
}

void Stepper::operator()(BoundaryDecided event) {
  if (!job_.boundary || job_.boundary->number != event.boundary) return;
  const auto kind = job_.boundary->kind;
  job_.boundary.reset();
  job_.boundary_losses = 0;
  keep(std::move(event.artifacts));

  if (auto* failed = std::get_if<HandlerFailed>(&event.next)) {
    if (kind == BoundaryKind::close && event.stage_result) close_round(std::move(event.stage_result));
    return handler_failed(kind, std::move(failed->error));
  }
  if (auto* more = std::get_if<MoreTasks>(&event.next)) return take_more(std::move(*more));
  if (kind == BoundaryKind::close) close_round(std::move(event.stage_result));

  if (auto* next = std::get_if<NextStage>(&event.next)) {
    if (too_many_visits(*next)) return;
    if (kind == BoundaryKind::close) leave_round();
    open_round(std::move(*next));
    return;
  }
  job_.result = std::move(std::get<Finished>(event.next).result);
  if (job_.status == JobStatus::queued) {
    move(JobStatus::running, JobCause::work_began);
    if (!job_.started_at) {
      job_.started_at = now_.time;
      publish(PublishedKind::job_started);
    }
  }
  end_job(job_.had_failures ? JobStatus::completed_with_errors : JobStatus::completed, JobCause::finished,
          std::nullopt);
}

void Stepper::operator()(BoundaryTimedOut event) {
  if (!job_.boundary || job_.boundary->number != event.boundary) return;
  const auto stage = job_.boundary->stage;
  const auto kind = job_.boundary->kind;
  job_.boundary.reset();
  Error error{
      ErrorCode::boundary_timeout,
      "the functions of the job handler took longer than they may at the boundary of stage " + std::to_string(stage)};
  error.stage = stage;
  handler_failed(kind, std::move(error));
}

void Stepper::handler_failed(BoundaryKind kind, Error error) {
  if (kind == BoundaryKind::pull) {
    job_.error = std::move(error);
    return stop_round(StopReason::handler_failed);
  }
  if (kind == BoundaryKind::close && job_.round->phase != RoundPhase::closed) end_round(StageStatus::failed);
  const bool dead = is_fatal(error);
  end_job(dead ? JobStatus::dead : JobStatus::failed, dead ? JobCause::died : JobCause::failed, std::move(error));
}

bool Stepper::too_many_visits(const NextStage& next) {
  std::uint32_t visits = job_.round && job_.round->stage == next.stage ? 1 : 0;
  for (const auto& closed : job_.closed) visits += closed.stage == next.stage ? 1 : 0;
  const auto most = next.policy.max_visits;
  std::string why;
  if (most > 0 && visits >= most) {
    why = "stage " + std::to_string(next.stage) + " has run " + std::to_string(visits) +
          " times, and its policy allows no more";
  } else if (job_.last_round >= rules_.max_rounds) {
    why = "the job has run " + std::to_string(rules_.max_rounds) +
          " stages and asks for another: next_stage never ends it";
  } else {
    return false;
  }
  Error error{ErrorCode::handler_contract, std::move(why)};
  error.stage = next.stage;
  end_job(JobStatus::dead, JobCause::died, std::move(error));
  return true;
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
  Error error{ErrorCode::poison,
              "the process died " + std::to_string(job_.boundary_losses) +
                  " times while the functions of the job handler ran alone at the boundary of stage " +
                  std::to_string(stage)};
  error.stage = stage;
  end_job(JobStatus::dead, JobCause::died, std::move(error));
}

}  // namespace coremachine::machine
