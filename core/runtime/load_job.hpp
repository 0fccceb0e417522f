#pragma once

#include <optional>
#include <utility>

#include "core/ports/store.hpp"

namespace coremachine::runtime {

/// A job that is not over, as it goes on after a start: its current round rebuilt from the store.
Job load_to_go_on(const Store& store, const StoredJob& stored);

/// A job that is over, with the round that a redrive opens again, rebuilt; none if it never had a round.
std::pair<Job, std::optional<Round>> load_to_redrive(const Store& store, const StoredJob& stored);

}  // namespace coremachine::runtime
