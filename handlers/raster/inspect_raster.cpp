#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <filesystem>

#include "handlers/raster/disk_file.hpp"
#include "handlers/raster/make_tile.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t default_tile_size = 2048;
constexpr std::size_t least_tile_size = 256;
constexpr std::size_t most_block_size = 512;
constexpr std::size_t enough_tiles = 16;
/// Of the pixels of one tile; a worker needs up to some three times as much.
constexpr std::size_t most_tile_bytes = std::size_t{256} << 20U;
constexpr std::size_t preferred_tile_bytes = std::size_t{64} << 20U;

std::size_t tile_size_for(const OpenRaster& raster, const RasterRequest& request) {
  const auto bytes = [&](std::size_t size) { return size * size * raster.pixels().pixel_bytes(); };
  auto fits = default_tile_size;
  while (fits > least_tile_size && bytes(fits) > preferred_tile_bytes) fits /= 2;
  if (!request.tile_size) {
    const auto tiles = [&](std::size_t size) {
      return ((raster.width() + size - 1) / size) * ((raster.height() + size - 1) / size);
    };
    // Of a small raster, smaller ones: there should be something to do for several workers.
    while (fits > most_block_size && tiles(fits) < enough_tiles) fits /= 2;
    return fits;
  }
  const auto asked = static_cast<std::size_t>(*request.tile_size);
  if (bytes(asked) <= most_tile_bytes) return asked;
  refuse_params("tile_size: " + std::to_string(asked) + " makes tiles of " + std::to_string(bytes(asked) >> 20U) +
                " MiB of a source with " + std::to_string(raster.pixels().pixel_bytes()) +
                " bytes a pixel, should be at most " + std::to_string(most_tile_bytes >> 20U) +
                " MiB: " + std::to_string(fits) + " or so");
}

std::int64_t overviews_for(std::size_t width, std::size_t height, std::size_t block_size) {
  std::int64_t count = 0;
  for (auto size = std::max(width, height); size > block_size; size = (size + 1) / 2) ++count;
  return count;
}

/// Beside the destination, so that a rename brings what is made there into place.
std::string folder_for(const std::string& destination, const TaskContext& context) {
  const fs::path path(destination);
  constexpr std::size_t longest_name = 200;
  if (path.filename().string().size() > longest_name) refuse_params("destination: the name of the file is too long");
  const auto name = "." + path.filename().string() + "." + context.job_id().str() + ".tiles";
  return (path.parent_path() / name).string();
}

void require_destination(const RasterRequest& request) {
  const auto quoted = "destination: " + quoted_path(request.destination);
  struct stat status {};
  const auto parent = fs::path(request.destination).parent_path();
  const auto directory = parent.empty() ? std::string(".") : parent.string();
  if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    refuse_params(quoted + " lies in no directory that is there; make " + quoted_path(directory) + " first");
  }
  if (::stat(request.destination.c_str(), &status) != 0) return;
  if (S_ISDIR(status.st_mode)) refuse_params(quoted + " is a directory, should be a file");
  if (!request.overwrite) {
    refuse_params(quoted + " is there already; say \"overwrite\": true if it may be replaced");
  }
  if (is_same_file(request.source, request.destination)) {
    refuse_params(quoted + " is the source itself, should be another file");
  }
}

void make_folder(const std::string& folder) {
  constexpr mode_t mode = 0777;
  if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) fail_writing(folder, errno);
}

std::string crs_name(OGRSpatialReferenceH crs) {
  if (!crs) return "";
  const auto* authority = gdal().OSRGetAuthorityName(crs, nullptr);
  const auto* code = gdal().OSRGetAuthorityCode(crs, nullptr);
  if (authority && code) return std::string(authority) + ":" + code;
  const auto* name = gdal().OSRGetName(crs);
  return name ? name : "";
}

json::array bands_of(GDALDatasetH dataset) {
  json::array bands;
  for (int band = 1; band <= gdal().GDALGetRasterCount(dataset); ++band) {
    const auto handle = gdal().GDALGetRasterBand(dataset, band);
    json::object about{
        {"type", gdal().GDALGetDataTypeName(gdal().GDALGetRasterDataType(handle))},
        {"color", gdal().GDALGetColorInterpretationName(gdal().GDALGetRasterColorInterpretation(handle))}};
    int has_nodata = FALSE;
    const double nodata = gdal().GDALGetRasterNoDataValue(handle, &has_nodata);
    if (has_nodata) about.emplace("nodata", std::isfinite(nodata) ? json::value(nodata) : json::value("nan"));
    bands.push_back(std::move(about));
  }
  return bands;
}

json::object describe_grid(GDALDatasetH dataset) {
  const GdalMessages quiet;
  return {{"width", gdal().GDALGetRasterXSize(dataset)},
          {"height", gdal().GDALGetRasterYSize(dataset)},
          {"crs", crs_name(gdal().GDALGetSpatialRef(dataset))},
          {"bands", bands_of(dataset)}};
}

}  // namespace

TaskResult inspect_raster(const RasterRequest& request, TaskContext& context) {
  const auto& g = gdal();
  require_destination(request);
  auto raster = OpenRaster::open(request);
  RasterPlan plan;
  plan.folder = folder_for(request.destination, context);
  plan.source_stamp = stamp_of(request.source);
  plan.width = static_cast<std::int64_t>(raster->width());
  plan.height = static_cast<std::int64_t>(raster->height());
  plan.bands = static_cast<std::int64_t>(raster->pixels().bands);
  plan.type = g.GDALGetDataTypeName(raster->gdal_type());
  const auto tile_size = tile_size_for(*raster, request);
  const auto block_size = std::min(tile_size, most_block_size);
  plan.tile_size = static_cast<std::int64_t>(tile_size);
  plan.block_size = static_cast<std::int64_t>(block_size);
  plan.overviews = overviews_for(raster->width(), raster->height(), block_size);
  make_folder(plan.folder);

  auto source = describe_grid(raster->source());
  source.emplace("driver", g.GDALGetDriverShortName(g.GDALGetDatasetDriver(raster->source())));
  json::object result{{"tiles", TileGrid(plan).tiles()}, {"reprojected", raster->is_warped()}};
  result.emplace("source", std::move(source));
  result.emplace("grid", describe_grid(raster->dataset()));
  result.emplace("plan", params::to_json(plan));
  RasterPool::instance().give_back(pool_key(context, request), std::move(raster));
  return result;
}

TaskInfo inspect_raster_info() {
  return {.description = "Looks whether a raster can be staged, and says how", .tags = {"builtin", "raster"}};
}

}  // namespace coremachine::builtin
