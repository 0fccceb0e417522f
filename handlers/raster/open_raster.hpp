#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "handlers/gdal/gdal.hpp"
#include "handlers/raster/pixels.hpp"
#include "handlers/raster/raster_params.hpp"

namespace coremachine::builtin {

/// A source as its destination will be: in its grid, its coordinate reference system and its bands. Opened anew from
/// the same request it is the same. One thread at a time.
class OpenRaster {
 public:
  /// Throws TaskFailure: what cannot be opened, has no place on Earth, or cannot be what was asked for.
  static std::unique_ptr<OpenRaster> open(const RasterRequest& request);

  std::size_t width() const { return width_; }
  std::size_t height() const { return height_; }
  const PixelRules& pixels() const { return pixels_; }
  GDALDataType gdal_type() const { return type_; }
  /// Of which a destination takes its georeference and what is said of its bands.
  GDALDatasetH dataset() const { return warped_ ? warped_.get() : source_.get(); }
  GDALDatasetH source() const { return source_.get(); }
  bool is_warped() const { return warped_ != nullptr; }
  /// The bands are red, green and blue, or index a colour table.
  bool is_rgb() const;
  bool has_color_table() const;

  /// All bands of a window. Throws TaskFailure if the source cannot be read.
  void read(std::size_t x, std::size_t y, std::size_t width, std::size_t height, std::byte* to);
  /// Forgets the pixels that were made, and keeps those that were read.
  void forget_made();

 private:
  OpenRaster() = default;
  void warp(const RasterRequest& request);
  void find_pixel_rules(const RasterRequest& request);

  std::string name_;
  Dataset source_;
  Dataset warped_;
  std::size_t width_ = 0;
  std::size_t height_ = 0;
  GDALDataType type_ = GDT_Unknown;
  PixelRules pixels_;
};

/// Size and time of what a source names, as text; empty if it is no file.
std::string stamp_of(const std::string& source);

/// Opened rasters between one task and the next: to open and set one up takes as long as a small tile, and the blocks
/// that it has read are with it. A task has one for itself while it holds it.
class RasterPool {
 public:
  static RasterPool& instance();

  std::unique_ptr<OpenRaster> take(const std::string& key, const RasterRequest& request);
  void give_back(const std::string& key, std::unique_ptr<OpenRaster> raster);
  /// Closes those of one job.
  void close(const std::string& key);

 private:
  struct Parts;
  RasterPool();
  ~RasterPool();
  std::unique_ptr<Parts> parts_;
};

}  // namespace coremachine::builtin
