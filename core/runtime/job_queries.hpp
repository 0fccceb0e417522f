#pragma once

#include <optional>

#include <coremachine/model/time.hpp>

#include "core/ports/store.hpp"

namespace coremachine::runtime {

/// Only jobs created from `since` on and before `until`: an id begins with the time at which its job was created.
void limit_times(const std::optional<Timestamp>& since, const std::optional<Timestamp>& until, JobFilter& filter);

}  // namespace coremachine::runtime
