#pragma once

#include <cstdint>

#include <coremachine/model/policy.hpp>

namespace coremachine::machine {

/// How long after its `failures`-th failure a task waits. With jitter: between half of the delay and all of it, drawn
/// from `entropy`.
Milliseconds retry_delay(const RetryPolicy& policy, std::uint32_t failures, std::uint64_t entropy);

/// A well-mixed number for each (entropy, salt): how one draw becomes many.
std::uint64_t mix(std::uint64_t entropy, std::uint64_t salt);

}  // namespace coremachine::machine
