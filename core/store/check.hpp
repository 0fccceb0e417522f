#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ports/store.hpp"

namespace coremachine {

struct CheckFindings {
  std::uint64_t jobs = 0;
  std::uint64_t tasks = 0;
  std::vector<std::string> problems = {};  ///< what is wrong and was not mended; empty: the store is sound
  std::vector<std::string> repairs = {};   ///< what was mended
};

/// Proves what always has to hold of a store: every row can be read, chunks follow each other without a gap, every
/// outcome belongs to a task, no task has two final outcomes, a job that is over has what its status says, nothing
/// belongs to no job. Reads the whole store, one job at a time. `repair` takes away what belongs to no job.
CheckFindings check_store(Store& store, bool repair);

}  // namespace coremachine
