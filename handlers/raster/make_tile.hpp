#pragma once

#include <string>

#include "handlers/raster/open_raster.hpp"

namespace coremachine::builtin {

/// How a raster is divided.
class TileGrid {
 public:
  explicit TileGrid(const RasterPlan& plan);

  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return rows_; }
  std::size_t tiles() const { return columns_ * rows_; }
  std::size_t width() const { return width_; }
  std::size_t height() const { return height_; }
  std::size_t tile_size() const { return tile_size_; }
  std::size_t block_size() const { return block_size_; }
  /// Resolutions whose blocks are those of single tiles, the full one among them.
  std::size_t tile_levels() const { return tile_levels_; }
  /// All resolutions.
  std::size_t levels() const { return levels_; }
  /// There are resolutions of which a block is made of several tiles: each tile has its part as pixels, its rest.
  bool has_rest() const { return levels_ > tile_levels_; }
  /// A length at a resolution.
  static std::size_t halved(std::size_t length, std::size_t times);
  std::size_t blocks(std::size_t length) const { return (length + block_size_ - 1) / block_size_; }
  std::size_t tile_width(std::size_t column) const { return std::min(tile_size_, width_ - column * tile_size_); }
  std::size_t tile_height(std::size_t row) const { return std::min(tile_size_, height_ - row * tile_size_); }

 private:
  std::size_t width_;
  std::size_t height_;
  std::size_t tile_size_;
  std::size_t block_size_;
  std::size_t columns_;
  std::size_t rows_;
  std::size_t levels_;
  std::size_t tile_levels_;
};

std::string path_of_tile(const RasterPlan& plan, std::size_t tile);
Halving halving_of(const OpenRaster& raster, const RasterRequest& request);

/// What a task calls its opened raster in the pool.
std::string pool_key(const TaskContext& context, const RasterRequest& request);
/// A raster to work on, which goes back into the pool unless something was thrown. Throws TaskFailure if it is not what
/// the plan was made for.
class RasterLoan {
 public:
  RasterLoan(const RasterRequest& request, const RasterPlan& plan, const TaskContext& context);
  OpenRaster& operator*() { return *raster_; }
  void give_back();

 private:
  std::string key_;
  std::unique_ptr<OpenRaster> raster_;
};

/// Computes a tile of the destination and writes it to its file, as a whole. Again, it makes the same. Throws
/// TaskFailure, also if the task is cancelled.
std::uint64_t make_tile(OpenRaster& raster, const RasterRequest& request, const RasterPlan& plan, std::size_t tile,
                        const TaskContext& context);

[[noreturn]] void fail_cancelled();

}  // namespace coremachine::builtin
