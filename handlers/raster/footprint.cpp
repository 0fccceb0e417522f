#include <algorithm>
#include <array>
#include <cmath>

#include "handlers/raster/stac_item.hpp"

namespace coremachine::builtin {

namespace {

struct Box {
  double west = 0;
  double south = 0;
  double east = 0;
  double north = 0;

  bool is_finite() const {
    return std::isfinite(west) && std::isfinite(south) && std::isfinite(east) && std::isfinite(north);
  }
  bool crosses() const { return west > east; }
};

struct Transformation {
  using pointer = OGRCoordinateTransformationH;
  void operator()(OGRCoordinateTransformationH one) const { gdal().OCTDestroyCoordinateTransformation(one); }
};
using ToDegrees = std::unique_ptr<void, Transformation>;

/// Seven decimals are a centimetre.
double rounded(double degrees) {
  constexpr double decimals = 1e7;
  return std::round(degrees * decimals) / decimals;
}

/// Longitudes between -180 and 180: some rasters count from 0 to 360.
Box normalized(Box box) {
  box.south = std::clamp(box.south, -90.0, 90.0);
  box.north = std::clamp(box.north, -90.0, 90.0);
  const bool is_all_around = box.east - box.west >= 360 - 1e-9;
  if (is_all_around) {
    box.west = -180;
    box.east = 180;
    return box;
  }
  for (double* side : {&box.west, &box.east}) {
    while (*side > 180 + 1e-9) *side -= 360;
    while (*side < -180 - 1e-9) *side += 360;
  }
  return box;
}

json::array ring_of(const Box& box) {
  json::array ring;
  const std::array<std::array<double, 2>, 5> corners{{{box.west, box.north},
                                                      {box.west, box.south},
                                                      {box.east, box.south},
                                                      {box.east, box.north},
                                                      {box.west, box.north}}};
  for (const auto& corner : corners) ring.push_back(json::array{rounded(corner[0]), rounded(corner[1])});
  return ring;
}

json::object polygon_of(json::array ring) {
  json::array rings;
  rings.push_back(std::move(ring));
  json::object polygon{{"type", "Polygon"}};
  polygon.emplace("coordinates", std::move(rings));
  return polygon;
}

json::object geometry_of(const Box& box) {
  if (!box.crosses()) return polygon_of(ring_of(box));
  json::array polygons;
  for (const auto& half : {Box{box.west, box.south, 180, box.north}, Box{-180, box.south, box.east, box.north}}) {
    json::array rings;
    rings.push_back(ring_of(half));
    polygons.push_back(std::move(rings));
  }
  json::object geometry{{"type", "MultiPolygon"}};
  geometry.emplace("coordinates", std::move(polygons));
  return geometry;
}

/// The edge of the raster, counter-clockwise from its upper left corner. Straight edges bend when they are projected.
std::optional<json::array> edge_of(OGRCoordinateTransformationH to_degrees, const Box& in_crs) {
  constexpr int steps = 8;
  const std::array<std::array<double, 2>, 5> corners{{{in_crs.west, in_crs.north},
                                                      {in_crs.west, in_crs.south},
                                                      {in_crs.east, in_crs.south},
                                                      {in_crs.east, in_crs.north},
                                                      {in_crs.west, in_crs.north}}};
  json::array ring;
  for (std::size_t side = 0; side < 4; ++side) {
    for (int step = 0; step < steps; ++step) {
      const double part = static_cast<double>(step) / steps;
      double x = corners[side][0] + (corners[side + 1][0] - corners[side][0]) * part;
      double y = corners[side][1] + (corners[side + 1][1] - corners[side][1]) * part;
      if (!gdal().OCTTransform(to_degrees, 1, &x, &y, nullptr) || !std::isfinite(x) || !std::isfinite(y)) return {};
      ring.push_back(json::array{rounded(x), rounded(y)});
    }
  }
  ring.push_back(ring.front());
  return ring;
}

std::optional<Box> extent_of(GDALDatasetH dataset) {
  std::array<double, 6> t{};
  if (gdal().GDALGetGeoTransform(dataset, t.data()) != CE_None) return std::nullopt;
  const double width = gdal().GDALGetRasterXSize(dataset);
  const double height = gdal().GDALGetRasterYSize(dataset);
  return Box{t[0], t[3] + height * t[5], t[0] + width * t[1], t[3]};
}

}  // namespace

std::optional<Footprint> footprint_of(GDALDatasetH dataset) {
  const auto& g = gdal();
  const GdalMessages quiet;
  const auto crs = g.GDALGetSpatialRef(dataset);
  const auto extent = extent_of(dataset);
  if (!crs || !extent) return std::nullopt;
  const Crs from(g.OSRClone(crs));
  g.OSRSetAxisMappingStrategy(from.get(), OAMS_TRADITIONAL_GIS_ORDER);
  const auto degrees = crs_from("OGC:CRS84");
  const ToDegrees to_degrees(g.OCTNewCoordinateTransformation(from.get(), degrees.get()));
  if (!to_degrees) return std::nullopt;
  Box box;
  constexpr int points_on_each_edge = 21;
  const bool is_geographic = g.OSRIsGeographic(from.get()) != 0;
  if (is_geographic) {
    box = *extent;
  } else if (!g.OCTTransformBounds(to_degrees.get(), extent->west, extent->south, extent->east, extent->north,
                                   &box.west, &box.south, &box.east, &box.north, points_on_each_edge)) {
    return std::nullopt;
  }
  if (!box.is_finite()) return std::nullopt;
  box = normalized(box);
  Footprint found;
  found.bbox = {rounded(box.west), rounded(box.south), rounded(box.east), rounded(box.north)};
  // Around a pole and across the 180th meridian an edge in degrees is no polygon, and the box is.
  const bool is_simple = !is_geographic && !box.crosses() && box.east - box.west < 180;
  const auto edge = is_simple ? edge_of(to_degrees.get(), *extent) : std::nullopt;
  found.geometry = edge ? polygon_of(*edge) : geometry_of(box);
  return found;
}

}  // namespace coremachine::builtin
