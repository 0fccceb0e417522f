#include "handlers/raster/upper_levels.hpp"

#include <algorithm>

#include "handlers/raster/encode.hpp"

namespace coremachine::builtin {

namespace {

constexpr std::size_t blocks_at_once = 16;

std::string_view text_of(const std::vector<std::byte>& bytes, std::size_t from, std::size_t n) {
  return {reinterpret_cast<const char*>(bytes.data()) + from, n};
}

}  // namespace

UpperLevels::UpperLevels(const OpenRaster& raster, const RasterRequest& request, const RasterPlan& plan)
    : raster_(raster), request_(request), grid_(plan), folder_(plan.folder), blocks_(plan.folder) {
  if (grid_.has_rest()) pixels_ = std::make_unique<ScratchFile>(folder_);
}

CogLevel UpperLevels::level_of(std::size_t times) const {
  CogLevel level;
  level.width = TileGrid::halved(grid_.width(), times);
  level.height = TileGrid::halved(grid_.height(), times);
  level.columns = grid_.blocks(level.width);
  level.rows = grid_.blocks(level.height);
  return level;
}

void UpperLevels::put_rest(std::size_t tile, const std::string& pixels) {
  const auto times = grid_.tile_levels();
  const auto column = tile % grid_.columns();
  const auto row = tile / grid_.columns();
  const auto pixel = raster_.pixels().pixel_bytes();
  const auto width = TileGrid::halved(grid_.tile_width(column), times) * pixel;
  const auto height = TileGrid::halved(grid_.tile_height(row), times);
  const auto step = TileGrid::halved(grid_.tile_size(), times);
  const auto line = TileGrid::halved(grid_.width(), times) * pixel;
  for (std::size_t y = 0; y < height; ++y) {
    pixels_->write((row * step + y) * line + column * step * pixel, std::string_view(pixels).substr(y * width, width));
  }
}

void UpperLevels::make(const TaskContext& context) {
  for (auto times = grid_.tile_levels(); times < grid_.levels(); ++times) {
    if (context.cancelled()) fail_cancelled();
    auto level = level_of(times);
    begins_.push_back(written_);
    encode(level, *pixels_, level.sizes);
    if (times + 1 < grid_.levels()) pixels_ = halve_all(level, *pixels_);
    levels_.push_back(std::move(level));
  }
  pixels_.reset();
}

void UpperLevels::encode(const CogLevel& level, const ScratchFile& pixels, std::vector<std::uint32_t>& sizes) {
  const auto count = level.columns * level.rows;
  for (std::uint64_t first = 0; first < count; first += blocks_at_once) {
    encode_blocks(level, pixels, first, std::min<std::uint64_t>(blocks_at_once, count - first), sizes);
  }
}

void UpperLevels::encode_blocks(const CogLevel& level, const ScratchFile& pixels, std::size_t first, std::size_t count,
                                std::vector<std::uint32_t>& sizes) {
  const auto size = grid_.block_size();
  const auto pixel = raster_.pixels().pixel_bytes();
  std::vector<std::byte> window(size * size * pixel);
  std::vector<std::byte> block(size * size * pixel);
  BlockEncoder encoder(raster_, request_, size, count);
  for (auto i = first; i < first + count; ++i) {
    const auto x = i % level.columns * size;
    const auto y = i / level.columns * size;
    const auto width = std::min<std::size_t>(size, level.width - x);
    const auto height = std::min<std::size_t>(size, level.height - y);
    for (std::size_t row = 0; row < height; ++row) {
      pixels.read(((y + row) * level.width + x) * pixel, reinterpret_cast<char*>(window.data()) + row * width * pixel,
                  width * pixel);
    }
    cut_block(pixel, window.data(), width, height, 0, 0, size, block.data());
    encoder.add(block.data());
  }
  for (const auto bytes : encoder.finish()) {
    const auto framed = framed_block(bytes);
    blocks_.write(written_, framed);
    written_ += framed.size();
    sizes.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
}

std::unique_ptr<ScratchFile> UpperLevels::halve_all(const CogLevel& level, const ScratchFile& pixels) const {
  auto to = std::make_unique<ScratchFile>(folder_);
  const auto line = level.width * raster_.pixels().pixel_bytes();
  const auto half = TileGrid::halved(level.width, 1) * raster_.pixels().pixel_bytes();
  std::vector<std::byte> two(2 * line);
  std::vector<std::byte> one(half);
  for (std::uint64_t y = 0; y < level.height; y += 2) {
    const auto rows = std::min<std::uint64_t>(2, level.height - y);
    pixels.read(y * line, reinterpret_cast<char*>(two.data()), rows * line);
    halve(raster_.pixels(), halving_of(raster_, request_), two.data(), level.width, rows, one.data());
    to->write(y / 2 * half, text_of(one, 0, half));
  }
  return to;
}

void UpperLevels::write(std::size_t i, NewFile& to) const {
  const auto end = i + 1 < begins_.size() ? begins_[i + 1] : written_;
  std::string piece;
  constexpr std::uint64_t piece_size = 1 << 20;
  for (auto at = begins_[i]; at < end; at += piece.size()) {
    piece.resize(std::min(piece_size, end - at));
    blocks_.read(at, piece.data(), piece.size());
    to.write(piece);
  }
}

}  // namespace coremachine::builtin
