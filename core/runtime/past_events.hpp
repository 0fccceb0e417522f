#pragma once

#include <cstdint>
#include <vector>

#include <coremachine/runtime/queries.hpp>

#include "core/ports/store.hpp"

namespace coremachine::runtime {

/// What has happened to a job, told from the rows that it left: no event has a row of its own. In order, from after
/// `after`. Throws Failure (store_failed, store_damaged).
std::vector<JobEvent> past_events(const Store& store, const StoredJob& stored, std::uint64_t after);

/// What of it no row will tell any more once the job is retried from the round `target` on (0: from the start), for
/// Job::history. If there is too much of it, failures of tasks go first, then what is oldest.
Text history_before_redrive(const Store& store, const StoredJob& stored, RoundNumber target);

}  // namespace coremachine::runtime
