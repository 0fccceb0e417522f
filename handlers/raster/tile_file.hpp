#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "handlers/raster/pixels.hpp"

namespace coremachine::builtin {

/// The blocks of one tile at one resolution.
struct TileLevel {
  std::uint64_t columns = 0;
  std::uint64_t rows = 0;
  std::vector<std::uint32_t> sizes = {};  ///< of each block, row by row
};

/// What a tile has come to.
struct TileIndex {
  std::vector<TileLevel> levels = {};  ///< the largest first
  std::vector<BandStatistics> bands = {};
  std::uint64_t rest_bytes = 0;  ///< the pixels of the first level that is too small for blocks of its own
};

// A tile between the task that makes it and the one that assembles them, as a file of the machine that it is on: the
// index; the blocks row by row, each as it will stand in the destination, with its size before it and its last 4 bytes
// behind it; the rest. Everything has a checksum, so that what a disk or a person has damaged is found.

/// Writes a file that is whole or not there: under another name first, then synced and renamed. `blocks` has the bytes
/// of all blocks, in the order of the levels. Throws TaskFailure; then nothing is left.
void write_tile(const std::string& path, const TileIndex& index, const std::vector<std::string_view>& blocks,
                std::string_view rest);

/// A tile that was written. Not for several threads.
class TileFile {
 public:
  /// Throws DamagedTile.
  explicit TileFile(std::string path);

  const TileIndex& index() const { return index_; }
  /// All blocks of one row of a level, with what stands before and behind each. Throws DamagedTile.
  void read_row(std::size_t level, std::size_t row, std::string& to) const;
  void read_rest(std::string& to) const;

 private:
  struct Piece {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t checksum = 0;
  };
  void read(const Piece& piece, std::string& to) const;

  std::string path_;
  TileIndex index_ = {};
  std::vector<std::vector<Piece>> rows_ = {};  ///< of each level
  Piece rest_ = {};
};

/// A tile that is not there, or is not what was written.
struct DamagedTile {
  std::string why;
};

}  // namespace coremachine::builtin
