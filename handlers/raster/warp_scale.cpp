#include "handlers/raster/warp_scale.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace coremachine::builtin {

namespace {

struct DestroyTransformer {
  void operator()(void* transformer) const { gdal().GDALDestroyGenImgProjTransformer(transformer); }
};
using Transformer = std::unique_ptr<void, DestroyTransformer>;

/// In pixels of the source.
struct Bounds {
  double low_x = std::numeric_limits<double>::infinity();
  double low_y = std::numeric_limits<double>::infinity();
  double high_x = -std::numeric_limits<double>::infinity();
  double high_y = -std::numeric_limits<double>::infinity();

  void take(double x, double y) {
    low_x = std::min(low_x, x);
    low_y = std::min(low_y, y);
    high_x = std::max(high_x, x);
    high_y = std::max(high_y, y);
  }
};

struct Points {
  std::vector<double> x = {};
  std::vector<double> y = {};
  void add(double px, double py) {
    x.push_back(px);
    y.push_back(py);
  }
};

constexpr int sides = 21;
constexpr double step = 1.0 / (sides - 1);

Points points_on_edges(double width, double height) {
  Points points;
  // The ratio is summed up, not divided: it is to come to the same last digit as GDAL's.
  for (double ratio = 0.0; ratio <= 1.0 + step * 0.5; ratio += step) {
    points.add(ratio * width, 0);
    points.add(ratio * width, height);
    points.add(0, ratio * height);
    points.add(width, ratio * height);
  }
  return points;
}

Points points_inside(double width, double height) {
  Points points;
  for (int row = 0; row < sides; ++row) {
    for (int column = 0; column < sides; ++column) points.add(column * step * width, row * step * height);
  }
  return points;
}

/// False if a point has no place in the source; the others are taken.
bool transform(void* transformer, Points points, Bounds& bounds) {
  const auto count = points.x.size();
  std::vector<double> z(count);
  std::vector<int> is_good(count);
  constexpr int to_source = 1;
  if (!gdal().GDALGenImgProjTransform(transformer, to_source, static_cast<int>(count), points.x.data(), points.y.data(),
                                      z.data(), is_good.data())) {
    return false;
  }
  bool all = true;
  for (std::size_t i = 0; i < count; ++i) {
    const bool has_place = is_good[i] && std::isfinite(points.x[i]) && std::isfinite(points.y[i]);
    if (has_place) bounds.take(points.x[i], points.y[i]);
    all = all && has_place;
  }
  return all;
}

double clean(double value) {
  constexpr double close = 1e-6;
  return std::abs(std::round(value) - value) < close ? std::round(value) : value;
}

/// Along one axis: `size` pixels of the destination come from between `low` and `high` of a source of `source` pixels.
double scale_of(double size, double low, double high, double source, double radius) {
  low = clean(low);
  high = clean(high);
  const double first = std::floor(std::max(0.0, low));
  const double last = std::min(std::ceil(high), source);
  const double extent = std::max(0.0, std::min(source - first, high - low));
  if (extent <= 0) return 1;
  const double rough = std::max(1e-3, size / (high - low));
  const double reach = rough < 0.95 ? std::ceil(radius / rough) : radius;
  const double begin = std::clamp(first - reach, 0.0, source);
  const double window = last - first > 0.9 * source ? source : std::min(source - begin, last - begin + reach);
  if (window >= size && extent <= size) return 1;
  const double scale = size / extent;
  if (scale >= 1) return scale;
  const double whole = std::floor(1 / scale + 0.5);
  return std::abs(1 / scale - whole) < 0.05 ? 1 / whole : scale;
}

/// Of the kernel, in pixels; 0 if it has none.
double radius_of(const std::string& resampling) {
  if (resampling == "bilinear") return 1;
  if (resampling == "cubic" || resampling == "cubicspline") return 2;
  return resampling == "lanczos" ? 3 : 0;
}

}  // namespace

std::optional<WarpScale> warp_scale(GDALDatasetH source, GDALDatasetH warped, const RasterRequest& request) {
  const auto radius = radius_of(request.resampling);
  if (radius == 0) return std::nullopt;
  const auto& g = gdal();
  const GdalMessages quiet;
  GdalList options;
  if (request.source_crs) options.add("SRC_SRS=" + *request.source_crs);
  if (request.target_crs) options.add("DST_SRS=" + *request.target_crs);
  const Transformer transformer(g.GDALCreateGenImgProjTransformer2(source, warped, options.get()));
  if (!transformer) return std::nullopt;
  const double width = g.GDALGetRasterXSize(warped);
  const double height = g.GDALGetRasterYSize(warped);
  Bounds bounds;
  if (!transform(transformer.get(), points_on_edges(width, height), bounds)) {
    transform(transformer.get(), points_inside(width, height), bounds);
  }
  if (!(bounds.low_x < bounds.high_x && bounds.low_y < bounds.high_y)) return std::nullopt;
  return WarpScale{scale_of(width, bounds.low_x, bounds.high_x, g.GDALGetRasterXSize(source), radius),
                   scale_of(height, bounds.low_y, bounds.high_y, g.GDALGetRasterYSize(source), radius)};
}

}  // namespace coremachine::builtin
