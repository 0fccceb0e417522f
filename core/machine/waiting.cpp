// What a round waits for besides its tasks: a signal, a time, more tasks of a lazy stage.

#include <algorithm>
#include <string>
#include <utility>

#include "core/machine/stepper.hpp"

namespace coremachine::machine {
namespace {

/// A pull that follows the last one sooner than this is asked for more.
constexpr Milliseconds busy_pull{100};
constexpr std::uint32_t most_chunks = 32;

}  // namespace

void Stepper::set_stage_timer() {
  const auto& round = *job_.round;
  const auto wait = round.policy.gate ? round.policy.gate->wait : round.policy.deadline;
  if (wait) out_.now(SetTimer{TimerKind::stage, *round.started_at + *wait, round.number});
}

void Stepper::operator()(StageTimeCame event) {
  if (is_terminal(job_.status) || !job_.round || job_.round->number != event.round) return;
  auto& round = *job_.round;
  if (round.phase != RoundPhase::open || round.gate_open) return;
  const auto wait = round.policy.gate ? round.policy.gate->wait : round.policy.deadline;
  if (!wait || now_.time < *round.started_at + *wait) return;
  if (!round.policy.gate) return stop_round(StopReason::deadline);
  if (!round.policy.gate->must_come) {
    round.gate_open = true;
    save();
    return evaluate_join();
  }
  Error error{ErrorCode::gate_timeout, "the signal \"" + round.policy.gate->signal + "\" that stage " +
                                           std::to_string(round.stage) + " waits for did not come within " +
                                           std::to_string(wait->count()) + " ms"};
  error.stage = round.stage;
  end_round(StageStatus::failed);
  end_job(JobStatus::failed, JobCause::failed, std::move(error));
}

void Stepper::operator()(SignalReceived event) {
  if (is_terminal(job_.status) || job_.status == JobStatus::cancelling) return;
  keep(std::move(event.artifacts));
  job_.signals.push_back(std::move(event.signal));
  save();
  if (job_.round && job_.round->policy.gate) evaluate_join();
}

/// Whether the round has a gate that is still closed; a signal that came early opens it now.
bool Stepper::gate_holds() {
  auto& round = *job_.round;
  if (!round.policy.gate || round.gate_open) return false;
  const auto& gate = *round.policy.gate;
  const auto came = std::find_if(job_.signals.begin(), job_.signals.end(),
                                 [&](const Signal& signal) { return signal.name == gate.signal; });
  if (gate.signal.empty() || came == job_.signals.end()) return true;
  round.signal = std::move(*came);
  job_.signals.erase(came);
  round.gate_open = true;
  save();
  return false;
}

bool wants_more_tasks(const Job& job) {
  if (job.boundary || !job.round || job.round->phase != RoundPhase::open) return false;
  if (job.status != JobStatus::running && job.status != JobStatus::queued) return false;
  const auto& round = *job.round;
  if (round.total_known()) return false;
  return round.counts.queued < std::uint64_t{2} * round.source->pull_chunks * chunk_size;
}

void Stepper::pull_more() {
  if (wants_more_tasks(job_)) call_handler(BoundaryKind::pull, job_.round->stage, job_.round->number);
}

void Stepper::take_more(MoreTasks more) {
  auto& round = *job_.round;
  if (round.phase != RoundPhase::open) return;
  const auto chunks = round.source->pull_chunks;
  const bool busy = now_.time - round.source->pulled_at < busy_pull;
  round.specs = std::move(more.specs);
  round.ready.resize(round.specs.size());
  round.source = std::move(more.source);
  round.source->pull_chunks = std::min(busy ? 2 * chunks : chunks, most_chunks);
  round.source->pulled_at = now_.time;
  const auto from = static_cast<ChunkNumber>(round.chunks.size());
  add_chunks(more.chunks);
  save();
  const auto to = static_cast<ChunkNumber>(round.chunks.size());
  if (to > from) out_.after_commit(OfferTasks{round.number, from, to});
  evaluate_join();
  pull_more();
}

std::uint64_t critical_tasks(const Round& round, const Chunk& chunk) {
  const auto critical = [&](SpecNumber spec) { return round.specs[spec].critical; };
  if (chunk.specs.empty()) return critical(chunk.spec) ? chunk.count : 0;
  return static_cast<std::uint64_t>(std::count_if(chunk.specs.begin(), chunk.specs.end(), critical));
}

}  // namespace coremachine::machine
