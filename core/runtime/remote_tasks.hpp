#pragma once

#include <vector>

#include <coremachine/runtime/remote.hpp>

#include "core/machine/remote_work.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// What a worker elsewhere is given for a slice. Throws Failure: the definitions cannot be read.
HandOut hand_out_of(const machine::RunSlice& slice, const Store& store);

/// What a worker says, checked and made ready for the engine: results are JSON, large ones are kept as artifacts, and
/// what they name is held. invalid_argument: what is wrong with it. Blocks while a large value is written.
Result<machine::LeaseReport> lease_report_of(RemoteReport report, LargeValues& large);
Result<machine::LeaseRenewed> lease_renewed_of(LeaseRenewal renewal, LargeValues& large);

LeaseState state_of(machine::LeaseStatus status);

}  // namespace coremachine::runtime
