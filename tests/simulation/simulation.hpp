#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coremachine::simulation {

/// Plays one seed: random jobs under random crashes, full disks, late and reordered reports, zombies and requests.
/// Returns what was wrong, or nothing.
std::optional<std::string> play(std::uint64_t seed);

}  // namespace coremachine::simulation
