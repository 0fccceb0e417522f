#pragma once

#include "core/model/batch.hpp"
#include "core/store/postgres/connection.hpp"

namespace coremachine::postgres {

/// What a commit begins with fails with this unless the incarnation is the one that may write, and has not written
/// this batch yet.
inline constexpr std::string_view fence_error = "22012";

/// Sends the batch as one transaction, and returns the artifacts of which sweeping took away a reference.
std::vector<ArtifactId> write_batch(Connection& to, const Batch& batch);

}  // namespace coremachine::postgres
