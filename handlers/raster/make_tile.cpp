#include "handlers/raster/make_tile.hpp"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "handlers/raster/encode.hpp"
#include "handlers/raster/tile_file.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

/// So many rows are computed at once, between looks at whether anybody still wants them.
constexpr std::size_t rows_at_once = 512;

using Pixels = std::vector<std::byte>;

Pixels read_tile(OpenRaster& raster, std::size_t x, std::size_t y, std::size_t width, std::size_t height,
                 std::vector<BandStatistics>& bands, const TaskContext& context) {
  const auto row_bytes = width * raster.pixels().pixel_bytes();
  Pixels pixels(height * row_bytes);
  for (std::size_t row = 0; row < height; row += rows_at_once) {
    if (context.cancelled()) fail_cancelled();
    const auto rows = std::min(rows_at_once, height - row);
    auto* to = pixels.data() + row * row_bytes;
    raster.read(x, y + row, width, rows, to);
    add_statistics(raster.pixels(), to, width, rows, bands);
  }
  raster.forget_made();
  return pixels;
}

Pixels half_of(const OpenRaster& raster, Halving how, const Pixels& from, std::size_t width, std::size_t height) {
  Pixels half(TileGrid::halved(width, 1) * TileGrid::halved(height, 1) * raster.pixels().pixel_bytes());
  halve(raster.pixels(), how, from.data(), width, height, half.data());
  return half;
}

std::size_t blocks_of(const TileGrid& grid, std::size_t width, std::size_t height) {
  std::size_t count = 0;
  for (std::size_t level = 0; level < grid.tile_levels(); ++level) {
    count += grid.blocks(TileGrid::halved(width, level)) * grid.blocks(TileGrid::halved(height, level));
  }
  return count;
}

}  // namespace

void fail_cancelled() {
  throw TaskFailure{.type = "cancelled", .message = "the work on the raster was cancelled"};
}

TileGrid::TileGrid(const RasterPlan& plan)
    : width_(static_cast<std::size_t>(plan.width)),
      height_(static_cast<std::size_t>(plan.height)),
      tile_size_(static_cast<std::size_t>(plan.tile_size)),
      block_size_(static_cast<std::size_t>(plan.block_size)),
      columns_((width_ + tile_size_ - 1) / tile_size_),
      rows_((height_ + tile_size_ - 1) / tile_size_),
      levels_(static_cast<std::size_t>(plan.overviews) + 1),
      tile_levels_(1) {
  for (auto size = tile_size_; size > block_size_ && tile_levels_ < levels_; size /= 2) ++tile_levels_;
}

std::size_t TileGrid::halved(std::size_t length, std::size_t times) {
  for (; times > 0; --times) length = (length + 1) / 2;
  return length;
}

std::string path_of_tile(const RasterPlan& plan, std::size_t tile) {
  return plan.folder + "/" + std::to_string(tile) + ".tile";
}

Halving halving_of(const OpenRaster& raster, const RasterRequest& request) {
  if (request.overview_resampling) {
    return *request.overview_resampling == "nearest" ? Halving::nearest : Halving::average;
  }
  return raster.has_color_table() ? Halving::nearest : Halving::average;
}

std::string pool_key(const TaskContext& context, const RasterRequest& request) {
  return context.job_id().str() + " " + request.source;
}

RasterLoan::RasterLoan(const RasterRequest& request, const RasterPlan& plan, const TaskContext& context)
    : key_(pool_key(context, request)), raster_(RasterPool::instance().take(key_, request)) {
  const bool is_same = raster_->width() == static_cast<std::size_t>(plan.width) &&
                       raster_->height() == static_cast<std::size_t>(plan.height) &&
                       raster_->pixels().bands == static_cast<std::size_t>(plan.bands) &&
                       plan.type == gdal().GDALGetDataTypeName(raster_->gdal_type());
  if (is_same && stamp_of(request.source) == plan.source_stamp) return;
  throw TaskFailure{
      .type = "source_changed",
      .message = "source: " + quoted_path(request.source) + " is another one than when the job began; submit a new job",
      .kind = TaskFailure::Kind::permanent};
}

void RasterLoan::give_back() {
  RasterPool::instance().give_back(key_, std::move(raster_));
}

std::uint64_t make_tile(OpenRaster& raster, const RasterRequest& request, const RasterPlan& plan, std::size_t tile,
                        const TaskContext& context) {
  const TileGrid grid(plan);
  const auto column = tile % grid.columns();
  const auto row = tile / grid.columns();
  auto width = grid.tile_width(column);
  auto height = grid.tile_height(row);
  TileIndex index{.levels = {}, .bands = std::vector<BandStatistics>(raster.pixels().bands)};
  auto pixels =
      read_tile(raster, column * grid.tile_size(), row * grid.tile_size(), width, height, index.bands, context);

  BlockEncoder encoder(raster, request, grid.block_size(), blocks_of(grid, width, height));
  const auto pixel_bytes = raster.pixels().pixel_bytes();
  Pixels block(grid.block_size() * grid.block_size() * pixel_bytes);
  for (std::size_t level = 0; level < grid.tile_levels(); ++level) {
    if (context.cancelled()) fail_cancelled();
    auto& made = index.levels.emplace_back(TileLevel{grid.blocks(width), grid.blocks(height)});
    for (std::size_t i = 0; i < made.columns * made.rows; ++i) {
      cut_block(pixel_bytes, pixels.data(), width, height, i % made.columns * grid.block_size(),
                i / made.columns * grid.block_size(), grid.block_size(), block.data());
      encoder.add(block.data());
    }
    if (level + 1 == grid.tile_levels() && !grid.has_rest()) break;
    pixels = half_of(raster, halving_of(raster, request), pixels, width, height);
    width = TileGrid::halved(width, 1);
    height = TileGrid::halved(height, 1);
  }
  const auto blocks = encoder.finish();
  std::size_t next = 0;
  std::uint64_t bytes = 0;
  for (auto& level : index.levels) {
    for (std::size_t i = 0; i < level.columns * level.rows; ++i, ++next) {
      level.sizes.push_back(static_cast<std::uint32_t>(blocks[next].size()));
      bytes += blocks[next].size();
    }
  }
  if (!grid.has_rest()) pixels.clear();
  index.rest_bytes = pixels.size();
  write_tile(path_of_tile(plan, tile), index, blocks, {reinterpret_cast<const char*>(pixels.data()), pixels.size()});
  return bytes;
}

TaskResult warp_tile(const TileParams& params, TaskContext& context) {
  RasterLoan loan(params.raster, params.plan, context);
  const auto bytes = make_tile(*loan, params.raster, params.plan, static_cast<std::size_t>(params.tile), context);
  loan.give_back();
  // Blocks of GDAL's cache that were freed stay with the allocator, once for each thread.
  ::malloc_trim(0);
  return {{"tile", params.tile}, {"bytes", bytes}};
}

TaskInfo warp_tile_info() {
  return {.description = "Reprojects and compresses one tile of a raster", .tags = {"builtin", "raster"}};
}

}  // namespace coremachine::builtin
