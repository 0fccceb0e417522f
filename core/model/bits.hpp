#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "core/model/segment.hpp"

namespace coremachine {

/// The set of offsets of a chunk.
class OffsetSet {
 public:
  bool contains(ChunkOffset offset) const { return (words_[offset / 64] >> (offset % 64)) & 1U; }
  /// True if it was not there before.
  bool insert(ChunkOffset offset) {
    const auto bit = std::uint64_t{1} << (offset % 64);
    auto& word = words_[offset / 64];
    if (word & bit) return false;
    word |= bit;
    return true;
  }
  std::uint32_t size() const {
    std::uint32_t total = 0;
    for (const auto word : words_) total += static_cast<std::uint32_t>(std::popcount(word));
    return total;
  }

 private:
  std::array<std::uint64_t, chunk_size / 64> words_{};
};

}  // namespace coremachine
