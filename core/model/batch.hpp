#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/model/artifact.hpp>

#include "core/model/record.hpp"
#include "core/model/segment.hpp"

namespace coremachine {

using CommitSequence = std::uint64_t;

/// What an operator has set: a limit, a schedule, a pause.
struct Setting {
  std::string kind;
  std::string name;
  Text value = {};  ///< JSON; null: removed
};

/// What makes a submission happen once. A key that is there already is replaced.
struct SubmissionKey {
  std::string key;
  JobId job;
  std::string fingerprint;  ///< of what was submitted
};

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
  std::vector<Setting> settings = {};
  std::vector<SubmissionKey> keys = {};
  struct Reference {
    JobId job;
    ArtifactId artifact;
  };
  /// Texts of the job name these artifacts, from this batch on; one that is known already may be there again.
  std::vector<Reference> references = {};
  std::vector<std::shared_ptr<const void>> pins = {};  ///< held with the batch: they keep these artifacts until then
  std::vector<JobId> deletes = {};  ///< their rows and keys go at once; what else belongs to them is garbage
  std::uint32_t sweep = 0;          ///< so many rows of garbage go, or fewer

  bool empty() const {
    return discards.empty() && jobs.empty() && rounds.empty() && definitions.empty() && outcomes.empty() &&
           settings.empty() && keys.empty() && references.empty() && deletes.empty() && sweep == 0;
  }
};

}  // namespace coremachine
