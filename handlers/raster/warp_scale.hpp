#pragma once

#include <optional>

#include "handlers/gdal/gdal.hpp"
#include "handlers/raster/raster_params.hpp"

namespace coremachine::builtin {

/// How many pixels of the destination there are to one of the source.
struct WarpScale {
  double x = 1;
  double y = 1;
};

/// The scale that GDAL would find for the whole raster, if the resampling depends on it.
///
/// GDAL makes its kernels as wide as the scale of the piece that it warps at a time asks for. Pieces differ, so the
/// tiles would not fit together; with the scale of the whole they do, and are what GDAL makes of the raster in one
/// piece.
std::optional<WarpScale> warp_scale(GDALDatasetH source, GDALDatasetH warped, const RasterRequest& request);

}  // namespace coremachine::builtin
