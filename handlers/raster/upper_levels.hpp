#pragma once

#include <memory>
#include <string>
#include <vector>

#include "handlers/raster/disk_file.hpp"
#include "handlers/raster/make_tile.hpp"
#include "handlers/raster/tiff.hpp"

namespace coremachine::builtin {

/// The resolutions of which a block is made of several tiles. They are made of the rests of the tiles, on disk and not
/// in memory: pixels row by row for each, then blocks. One thread.
class UpperLevels {
 public:
  UpperLevels(const OpenRaster& raster, const RasterRequest& request, const RasterPlan& plan);

  /// The rest of a tile; of every one, in any order.
  void put_rest(std::size_t tile, const std::string& pixels);
  /// Compresses all of them, the largest first.
  void make(const TaskContext& context);
  const std::vector<CogLevel>& levels() const { return levels_; }
  /// The blocks of the i-th of them, each with what stands before and behind it.
  void write(std::size_t i, NewFile& to) const;

 private:
  void encode(const CogLevel& level, const ScratchFile& pixels, std::vector<std::uint32_t>& sizes);
  void encode_blocks(const CogLevel& level, const ScratchFile& pixels, std::size_t first, std::size_t count,
                     std::vector<std::uint32_t>& sizes);
  std::unique_ptr<ScratchFile> halve_all(const CogLevel& level, const ScratchFile& pixels) const;
  CogLevel level_of(std::size_t times) const;

  const OpenRaster& raster_;
  const RasterRequest& request_;
  TileGrid grid_;
  std::string folder_;
  std::unique_ptr<ScratchFile> pixels_;
  ScratchFile blocks_;
  std::vector<CogLevel> levels_ = {};
  std::vector<std::uint64_t> begins_ = {};
  std::uint64_t written_ = 0;
};

}  // namespace coremachine::builtin
