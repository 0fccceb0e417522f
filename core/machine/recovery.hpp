#pragma once

#include <vector>

#include "core/model/job.hpp"

namespace coremachine::machine {

/// What an outcome segment says without its body: enough to know which tasks are finished.
using OutcomeHeads = std::vector<OutcomeSegment>;
using DefinitionHeads = std::vector<DefinitionSegment>;

/// What a rebuilt round is for.
enum class Rebuild : std::uint8_t {
  to_go_on,    ///< failed and dead tasks are finished, budgets and retry times are as they were
  to_redrive,  ///< only what completed is finished; of the rest only attempt numbers are kept
};

/// Fills in the chunks of a round that was read back: from its definitions, and from the outcomes of its lineage and
/// of itself, within a chunk in the order in which they were recorded.
void rebuild_chunks(Round& round, const DefinitionHeads& definitions, const OutcomeHeads& outcomes, Rebuild purpose);

}  // namespace coremachine::machine
