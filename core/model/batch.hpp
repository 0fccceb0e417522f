#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/model/record.hpp"
#include "core/model/segment.hpp"

namespace coremachine {

using CommitSequence = std::uint64_t;

/// Everything that happened between two commits, written as one transaction.
struct Batch {
  CommitSequence sequence = 0;
  Incarnation incarnation = 0;
  struct Discard {
    JobId job;
    RoundNumber from = 0;  ///< rows of rounds ≥ from go, and segments of rounds > from
  };
  std::vector<Discard> discards = {};
  std::vector<JobRow> jobs = {};      ///< inserted or replaced; at most one for each id
  std::vector<RoundRow> rounds = {};  ///< inserted
  std::vector<std::pair<JobId, DefinitionSegment>> definitions = {};
  std::vector<std::pair<JobId, OutcomeSegment>> outcomes = {};

  bool empty() const {
    return discards.empty() && jobs.empty() && rounds.empty() && definitions.empty() && outcomes.empty();
  }
};

}  // namespace coremachine
