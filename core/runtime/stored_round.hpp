#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/machine/action.hpp"
#include "core/ports/store.hpp"

namespace coremachine::runtime {

class Shell;

/// Which round of a job is meant.
struct RoundChoice {
  std::optional<RoundNumber> round = {};
  int stage = 0;  ///< its latest round; 0: the current or last round of the job
};

/// A round as its readers need it, whichever row it is kept in.
struct StoredRound {
  RoundNumber number = 0;
  int stage = 0;
  std::vector<RoundNumber> rounds = {};  ///< its lineage, then itself
  std::vector<SharedSpec> specs = {};
  TaskCounts counts = {};
  bool over = false;  ///< what is not finished never will be
  bool is_inline = false;
  std::vector<DefinitionSegment> inline_definitions = {};
  std::vector<OutcomeSegment> inline_outcomes = {};

  /// The definitions of one chunk; nothing if they are not there.
  std::optional<DefinitionSegment> definitions(const Store& store, JobId job, ChunkNumber chunk) const;
  /// Outcomes of chunks `from` to before `to`, in their order; those kept inline have their bodies.
  std::vector<OutcomeSegment> outcomes(const Store& store, const OutcomeQuery& query) const;
};

/// Nothing: the job has no such round (yet, or any more). Throws Failure: unknown_job, or what the store throws.
std::optional<StoredRound> find_round(const Store& store, JobId job, const RoundChoice& choice);

/// A round, and what the engine said of it just before it was read: whatever had ended by then is in the store.
struct RoundNow {
  StoredRound stored;
  std::shared_ptr<const machine::LiveTasks> live = {};  ///< null: the round is not current
  std::uint64_t total() const { return live ? live->counts.total : stored.counts.total; }
};

/// Null as above. `ask` says what is wanted of the engine; its round and stage are those of the choice.
Result<std::shared_ptr<const RoundNow>> read_round_now(Shell& shell, JobId job, const RoundChoice& choice,
                                                       machine::LiveAsk ask);

}  // namespace coremachine::runtime
