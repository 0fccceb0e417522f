#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handlers/raster/open_raster.hpp"
#include "handlers/raster/tiff.hpp"

namespace coremachine::builtin {

/// Compresses square blocks of pixels as GDAL's GeoTIFF driver does. One thread at a time.
class BlockEncoder {
 public:
  /// For exactly `count` blocks.
  BlockEncoder(const OpenRaster& raster, const RasterRequest& request, std::size_t block_size, std::size_t count);
  ~BlockEncoder();
  BlockEncoder(const BlockEncoder&) = delete;
  BlockEncoder& operator=(const BlockEncoder&) = delete;

  void add(const std::byte* pixels);
  /// All blocks, in the order in which they were added; good as long as this object.
  std::vector<std::string_view> finish();

 private:
  const OpenRaster& raster_;
  std::size_t block_size_;
  std::size_t added_ = 0;
  std::string name_;
  Dataset file_;
};

/// What the file as a whole says of itself, as GDAL's GeoTIFF driver would say it: everything but its blocks.
std::vector<TiffTag> directory_of(const OpenRaster& raster, const RasterRequest& request, std::size_t block_size);

}  // namespace coremachine::builtin
