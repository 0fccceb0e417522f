#pragma once

#include <string>

#include "handlers/gdal/gdal.hpp"
#include "handlers/raster/raster_params.hpp"

namespace coremachine::builtin {

/// What a STAC item says beside what is in the file.
struct ItemFacts {
  std::string id;
  std::string href;
  std::string datetime;
  std::uint64_t bytes = 0;
  json::array bands = {};  ///< count, minimum, maximum, mean, stddev of each
};

/// A STAC 1.0.0 item of a raster, with the extensions for projections, rasters and files. A raster of another planet
/// has no geometry and no bbox.
json::object stac_item(GDALDatasetH dataset, const ItemFacts& facts);

/// Where the corners of a raster are in degrees, east first: a polygon, or two where it crosses the 180th meridian; and
/// the box around it. Nothing if nobody knows.
struct Footprint {
  json::object geometry;
  json::array bbox;
};
std::optional<Footprint> footprint_of(GDALDatasetH dataset);

}  // namespace coremachine::builtin
