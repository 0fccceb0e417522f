#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coremachine {
class Store;
}

namespace coremachine::simulation {

/// Plays one seed: random jobs under random crashes, full disks, late and reordered reports, zombies and requests.
/// Returns what was wrong, or nothing.
std::optional<std::string> play(std::uint64_t seed);
/// The same on a store that is new and empty.
std::optional<std::string> play(std::uint64_t seed, std::unique_ptr<Store> store);

}  // namespace coremachine::simulation
