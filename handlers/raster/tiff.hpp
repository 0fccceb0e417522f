#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coremachine::builtin {

// As much of TIFF as is needed to take what GDAL has written apart and put it together anew. Little-endian.

/// One field of a directory, its values as they stand in the file.
struct TiffTag {
  std::uint16_t id = 0;
  std::uint16_t type = 0;
  std::uint64_t count = 0;
  std::string values;
};

enum TiffTagId : std::uint16_t {
  tag_new_subfile_type = 254,
  tag_width = 256,
  tag_height = 257,
  tag_tile_offsets = 324,
  tag_tile_byte_counts = 325,
  tag_pixel_scale = 33550,
  tag_tie_points = 33922,
  tag_transformation = 34264,
  tag_geo_keys = 34735,
  tag_geo_doubles = 34736,
  tag_geo_texts = 34737,
  tag_rpc = 50844,
  tag_gdal_metadata = 42112,
};

/// The first directory of a BigTIFF, its tags ascending. Throws std::runtime_error for what is none.
std::vector<TiffTag> read_directory(std::string_view file);
/// The values of a tag of whole numbers.
std::vector<std::uint64_t> numbers_of(const TiffTag& tag);
TiffTag short_tag(std::uint16_t id, std::uint16_t value);
TiffTag long_tag(std::uint16_t id, std::uint32_t value);

/// One resolution of a raster: how many pixels, how many blocks, and the bytes of each block, row by row.
struct CogLevel {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t columns = 0;
  std::uint64_t rows = 0;
  std::vector<std::uint32_t> sizes = {};
};

/// Everything of a cloud-optimised GeoTIFF that stands before its pixels: header, the remark by which readers know how
/// the rest is arranged, and all directories. Behind it come the blocks of the smallest level, row by row, and so on
/// up to the largest; each has its size before it (4 bytes) and its last 4 bytes again behind it, which is
/// `block_frame` bytes beside its own.
std::string cog_head(const std::vector<TiffTag>& directory, const std::vector<CogLevel>& levels);

inline constexpr std::uint64_t block_frame = 8;
/// A block with its size before it and its last 4 bytes behind it. It has at least 4.
std::string framed_block(std::string_view block);

}  // namespace coremachine::builtin
