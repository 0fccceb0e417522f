#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <coremachine/model/artifact.hpp>
#include <coremachine/model/error.hpp>

#include "core/store/sha256.hpp"

namespace coremachine {

inline Error damaged_artifact(const ArtifactId& id, const std::string& what) {
  return Error{ErrorCode::store_damaged, "the artifact " + id.str() + " is damaged: " + what};
}

/// Follows a reader of an artifact: one that goes from the beginning to the end learns there whether it is what was
/// stored. One that goes another way learns nothing.
class ContentCheck {
 public:
  /// store_damaged at the end, if the bytes since the beginning are not those of the artifact.
  Result<void> follow(const ArtifactInfo& info, std::uint64_t offset, std::string_view bytes) {
    if (offset == 0) {
      sha256_.restart();
      hashed_ = 0;
    }
    if (offset != hashed_) return {};
    sha256_.update(bytes);
    hashed_ += bytes.size();
    if (hashed_ < info.size || (bytes.empty() && info.size != 0)) return {};
    if (sha256_.finish() != info.id.digest) return damaged_artifact(info.id, "its content is not what was stored");
    return {};
  }

 private:
  Sha256 sha256_;
  std::uint64_t hashed_ = 0;
};

}  // namespace coremachine
