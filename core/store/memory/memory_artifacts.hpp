#pragma once

#include <functional>
#include <memory>

#include "core/ports/artifacts.hpp"

namespace coremachine {

/// Artifacts that last as long as their process, whole in memory. Never full, never damaged.
/// `now` gives new artifacts their time; empty: the system's.
std::unique_ptr<ArtifactStore> make_memory_artifacts(std::function<Timestamp()> now = {});

/// The same for those who open one when it is needed; there never is one before.
Result<std::unique_ptr<ArtifactStore>> open_memory_artifacts(bool must_exist);

}  // namespace coremachine
