#pragma once

#include <cstdint>

#include <coremachine/model/policy.hpp>
#include <coremachine/model/view.hpp>

namespace coremachine::machine {

enum class JoinVerdict : std::uint8_t { undecided, met, missed };

/// What is certain of a join, given how many of its tasks have which outcome.
JoinVerdict judge(const Join& join, const TaskCounts& counts);

}  // namespace coremachine::machine
