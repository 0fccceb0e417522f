#pragma once

#include <cstdint>
#include <vector>

#include "core/store/postgres/artifact_shelf.hpp"

namespace coremachine::postgres {

/// What was known of an artifact when it was decided that it may go.
struct RemovalCandidate {
  ArtifactId id;
  std::int64_t last_pin = 0;
  bool pinned = false;
  Timestamp created_at{};
  std::int64_t content = 0;
  std::uint64_t size = 0;
};

/// In the order of their ids, from after `after`.
Result<std::vector<RemovalCandidate>> removal_candidates(ArtifactShelf& shelf, const std::optional<ArtifactId>& after,
                                                         std::size_t limit);
/// Those of these that are there, in any order.
Result<std::vector<RemovalCandidate>> removal_candidates(ArtifactShelf& shelf, const std::vector<ArtifactId>& these);

enum class Spare : std::uint8_t { nothing, referenced };

/// Removes those that no living server has pinned and that nobody stored or pinned since they were looked at; of which
/// jobs name none, if these are to be spared. Who reads them can go on for a while. What it says was removed is true
/// also where an answer was lost.
Result<Collected> remove_artifacts(ArtifactShelf& shelf, const std::vector<RemovalCandidate>& chosen, Spare spare);

/// Removes the pieces of what nobody reads any more and of what dead servers have not finished, and pins of dead
/// servers; slice by slice. Servers that do so at the same time are in nobody's way. Ends early once the shelf is
/// closed.
Result<void> sweep_artifacts(ArtifactShelf& shelf, ArtifactShelf::Urgency urgency = ArtifactShelf::Urgency::usual);

}  // namespace coremachine::postgres
