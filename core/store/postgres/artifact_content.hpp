#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/store/postgres/artifact_shelf.hpp"

namespace coremachine::postgres {

/// What is read or written of content at a time, and is in memory of each who does.
inline constexpr std::size_t piece_size = std::size_t{1} << 20U;

/// invalid_argument: that is no media type. store_failed: nothing is written any more.
Result<std::unique_ptr<ArtifactWriter>> make_writer(std::shared_ptr<ArtifactShelf> shelf, std::string_view media_type);

std::unique_ptr<ArtifactReader> make_reader(std::shared_ptr<ArtifactShelf> shelf, std::int64_t content,
                                            ArtifactInfo info);

}  // namespace coremachine::postgres
