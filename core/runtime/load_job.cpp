#include "core/runtime/load_job.hpp"

#include <algorithm>

#include "core/machine/recovery.hpp"
#include "core/machine/step.hpp"
#include "core/runtime/past_events.hpp"

namespace coremachine::runtime {
namespace {

void rebuild(const Store& store, JobId job, Round& round, machine::Rebuild purpose) {
  if (round.is_inline) {
    const auto definitions = round.inline_definitions;
    const auto outcomes = round.inline_outcomes;
    machine::rebuild_chunks(round, definitions, outcomes, purpose);
    return;
  }
  OutcomeQuery query;
  query.job = job;
  query.rounds = round.lineage;
  query.rounds.push_back(round.number);
  query.bodies = false;
  machine::rebuild_chunks(round, store.definition_heads(job, round.defined_in()), store.read_outcomes(query), purpose);
}

Round round_of(ClosedRound closed) {
  Round round;
  round.number = closed.number;
  round.stage = closed.stage;
  round.lineage = std::move(closed.lineage);
  round.policy = closed.policy;
  round.specs = std::move(closed.specs);
  round.folds = closed.folds;
  round.source = std::move(closed.source);
  round.is_inline = closed.is_inline;
  round.inline_definitions = std::move(closed.inline_definitions);
  round.inline_outcomes = std::move(closed.inline_outcomes);
  return round;
}

}  // namespace

Job load_to_go_on(const Store& store, const StoredJob& stored) {
  auto job = decode_job(stored.job, stored.rounds);
  if (job.round && job.round->phase != RoundPhase::closed) {
    job.round->phase = RoundPhase::open;
    rebuild(store, job.id, *job.round, machine::Rebuild::to_go_on);
  }
  return job;
}

std::pair<Job, std::optional<Round>> load_to_redrive(const Store& store, const StoredJob& stored) {
  auto job = decode_job(stored.job, stored.rounds);
  std::optional<Round> target;
  if (const auto number = machine::redrive_target(job)) {
    if (job.round && job.round->number == *number) {
      target = *job.round;
    } else {
      const auto row = std::find_if(stored.rounds.begin(), stored.rounds.end(),
                                    [&](const auto& each) { return each.round == *number; });
      target = round_of(decode_round(*row));
    }
    rebuild(store, job.id, *target, machine::Rebuild::to_redrive);
  }
  job.history = history_before_redrive(store, stored, target ? target->number : 0);
  return {std::move(job), std::move(target)};
}

}  // namespace coremachine::runtime
