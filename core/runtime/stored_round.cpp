#include "core/runtime/stored_round.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "core/runtime/mailbox.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {
namespace {

template <class AnyRound>
StoredRound stored_round(AnyRound round, bool over) {
  StoredRound stored;
  stored.number = round.number;
  stored.stage = round.stage;
  stored.rounds = std::move(round.lineage);
  stored.rounds.push_back(round.number);
  stored.specs = std::move(round.specs);
  stored.counts = round.counts;
  stored.over = over;
  stored.is_inline = round.is_inline;
  stored.inline_definitions = std::move(round.inline_definitions);
  stored.inline_outcomes = std::move(round.inline_outcomes);
  return stored;
}

/// Other requests may change which round is current between the question to the engine and the look into the store.
constexpr int most_tries = 5;

}  // namespace

std::optional<DefinitionSegment> StoredRound::definitions(const Store& store, JobId job, ChunkNumber chunk) const {
  if (!is_inline) return store.read_definitions(job, rounds.front(), chunk);
  return chunk < inline_definitions.size() ? std::optional(inline_definitions[chunk]) : std::nullopt;
}

std::vector<OutcomeSegment> StoredRound::outcomes(const Store& store, const OutcomeQuery& query) const {
  if (!is_inline) return store.read_outcomes(query);
  std::vector<OutcomeSegment> found;
  std::copy_if(inline_outcomes.begin(), inline_outcomes.end(), std::back_inserter(found), [&](const auto& segment) {
    if (segment.chunk < query.from || segment.chunk >= query.to) return false;
    if (segment.kind == OutcomeKind::completed) return query.completed;
    return query.others && (is_final(segment.kind) || !query.only_failures);
  });
  return found;
}

std::optional<StoredRound> find_round(const Store& store, JobId job, const RoundChoice& choice) {
  const auto row = store.read_row(job);
  if (!row) throw Failure(Error{ErrorCode::unknown_job, "there is no job " + job.str()});
  auto current = decode_job(*row, {}).round;
  const bool fits = current && (!choice.round || *choice.round == current->number) &&
                    (choice.stage == 0 || choice.stage == current->stage);
  if (fits) {
    const bool over = current->phase == RoundPhase::closed;
    return stored_round(std::move(*current), over);
  }
  std::optional<RoundRow> left;
  if (choice.round) {
    left = store.read_round(job, *choice.round);
    if (left && choice.stage != 0 && left->stage != choice.stage) left.reset();
  } else if (choice.stage != 0) {
    auto latest = store.latest_rounds(job, choice.stage, 1);
    if (!latest.empty()) left = std::move(latest.front());
  }
  if (!left) return std::nullopt;
  return stored_round(decode_round(*left), true);
}

Result<std::shared_ptr<const RoundNow>> read_round_now(Shell& shell, JobId job, const RoundChoice& choice,
                                                       machine::LiveAsk ask) {
  ask.round = choice.round;
  ask.stage = choice.stage;
  std::shared_ptr<RoundNow> now;
  for (int i = 0; i < most_tries; ++i) {
    Mailbox mailbox;
    shell.post(TasksInput{job, ask, mailbox.then()});
    const auto answer = *mailbox.wait();
    if (answer.error && answer.error->code != ErrorCode::unknown_job) return *answer.error;
    const bool live = !answer.error && answer.tasks->round != 0;
    auto wanted = choice;
    if (live) wanted = {answer.tasks->round, 0};
    auto found = shell.reading([&](const Store& store) { return find_round(store, job, wanted); });
    if (!found) return found.error();
    now.reset();
    if (!*found) {
      if (live) continue;  // the job was retried meanwhile, and the round is no more
      break;
    }
    now = std::make_shared<RoundNow>();
    now->stored = std::move(**found);
    if (live) now->live = answer.tasks;
    if (live) now->stored.over = !answer.tasks->open;
    if (live || now->stored.over) break;
    // It has become current since the engine was asked.
  }
  return std::shared_ptr<const RoundNow>(std::move(now));
}

}  // namespace coremachine::runtime
