#pragma once

#include <cstdint>

#include <coremachine/model/policy.hpp>

#include "core/model/round.hpp"

namespace coremachine::machine {

enum class JoinVerdict : std::uint8_t { undecided, met, missed };

/// What is certain of the round's join, given how many of its tasks have which outcome.
JoinVerdict judge(const Round& round);

/// Whether the join holds with what has completed: nothing more will.
bool holds_as_it_is(const Round& round);

}  // namespace coremachine::machine
