#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ports/artifacts.hpp"
#include "core/ports/store.hpp"

namespace coremachine {

struct CheckFindings {
  std::uint64_t jobs = 0;
  std::uint64_t tasks = 0;
  std::uint64_t artifacts = 0;             ///< that jobs name, and that were read through
  std::vector<std::string> problems = {};  ///< what is wrong and was not mended; empty: the store is sound
  std::vector<std::string> repairs = {};   ///< what was mended
};

/// Proves what always has to hold of a store: every row can be read, chunks follow each other without a gap, every
/// outcome belongs to a task, no task has two final outcomes, no round of a job is missing, a job that is over has what
/// its status says, no row belongs to nothing, every artifact that a job names is there and is what was stored. Reads
/// the whole store, one job at a time. `repair` takes away what belongs to nothing. `artifacts`: null if there is no
/// artifact store.
CheckFindings check_store(Store& store, bool repair, const ArtifactStore* artifacts = nullptr);

}  // namespace coremachine
