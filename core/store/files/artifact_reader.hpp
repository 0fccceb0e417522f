#pragma once

#include <memory>

#include "core/ports/artifacts.hpp"
#include "core/store/files/file.hpp"
#include "core/store/files/trailer.hpp"

namespace coremachine::files {

/// What the file of an artifact says of it. store_damaged: its trailer is not sound, or its size is not the one given
/// there. The content is not read.
Result<ArtifactInfo> read_info(const File& file, const ArtifactId& id);

std::unique_ptr<ArtifactReader> make_reader(File file, ArtifactInfo info);

}  // namespace coremachine::files
