#pragma once

#include <coremachine/runtime/core_machine.hpp>

#include "core/machine/action.hpp"

namespace coremachine::runtime {

/// The event that subscribers get.
JobEvent describe(const machine::Announce& announce);

}  // namespace coremachine::runtime
