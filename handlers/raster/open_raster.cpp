#include "handlers/raster/open_raster.hpp"

#include <cmath>
#include <iomanip>
#include <limits>
#include <locale>
#include <sstream>
#include <utility>

#include <boost/json/serialize.hpp>

#include "handlers/raster/warp_scale.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

Dataset open_source(const std::string& name) {
  const GdalMessages messages;
  constexpr unsigned flags = GDAL_OF_READONLY | GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR;
  Dataset dataset(gdal().GDALOpenEx(name.c_str(), flags, nullptr, nullptr, nullptr));
  if (!dataset) refuse_params("source: " + quoted_path(name) + " cannot be opened as a raster: " + messages.text());
  return dataset;
}

/// A container of several rasters, as NetCDF and HDF, has none itself.
void require_bands(GDALDatasetH dataset, const std::string& name) {
  if (gdal().GDALGetRasterCount(dataset) > 0) return;
  std::string inner;
  char** items = gdal().GDALGetMetadata(dataset, "SUBDATASETS");
  for (int i = 0; items && items[i]; ++i) {
    const std::string item = items[i];
    if (item.find("_NAME=") != std::string::npos)
      inner += (inner.empty() ? "" : ", ") + item.substr(item.find('=') + 1);
  }
  refuse_params(
      "source: " + quoted_path(name) +
      (inner.empty() ? " has no bands" : " holds several rasters; name one of them: " + inner.substr(0, 800)));
}

void require_place(GDALDatasetH dataset, const RasterRequest& request) {
  std::array<double, 6> transform{};
  const GdalMessages quiet;
  const bool has_rpc = gdal().GDALGetMetadata(dataset, "RPC") != nullptr;
  const bool is_placed = gdal().GDALGetGeoTransform(dataset, transform.data()) == CE_None ||
                         gdal().GDALGetGCPCount(dataset) > 0 || has_rpc ||
                         gdal().GDALGetMetadata(dataset, "GEOLOCATION") != nullptr;
  const auto quoted = "source: " + quoted_path(request.source);
  if (!is_placed) {
    refuse_params(quoted +
                  " is not georeferenced: it says nothing of where its pixels lie, neither by a transform nor "
                  "by control points, should be a raster with a place on Earth");
  }
  const bool has_crs = gdal().GDALGetSpatialRef(dataset) || gdal().GDALGetGCPSpatialRef(dataset) || has_rpc;
  if (!has_crs && !request.source_crs) {
    refuse_params(quoted + " has no coordinate reference system; say which one it is by source_crs, as EPSG:4326");
  }
}

void require_crs(const char* param, const std::optional<std::string>& text) {
  if (!text || crs_from(*text)) return;
  refuse_params(std::string(param) + ": " + quoted_path(*text) +
                " is no coordinate reference system that is known here, should be as EPSG:3857, WKT or a PROJ string");
}

bool is_north_up(GDALDatasetH dataset) {
  std::array<double, 6> t{};
  const GdalMessages quiet;
  return gdal().GDALGetGeoTransform(dataset, t.data()) == CE_None && t[2] == 0 && t[4] == 0 && t[1] > 0 && t[5] < 0;
}

/// What warping would leave as it is can be read as it is. With a mask or an alpha band it would not.
bool is_plain(GDALDatasetH dataset, const RasterRequest& request) {
  if (request.target_crs || request.source_crs || request.alpha || request.resampling != "near") return false;
  if (!request.nodata.is_null() || !is_north_up(dataset)) return false;
  for (int band = 1; band <= gdal().GDALGetRasterCount(dataset); ++band) {
    const auto handle = gdal().GDALGetRasterBand(dataset, band);
    const int flags = gdal().GDALGetMaskFlags(handle);
    if (flags != GMF_ALL_VALID && flags != GMF_NODATA) return false;
    if (gdal().GDALGetRasterColorInterpretation(handle) == GCI_AlphaBand) return false;
  }
  return true;
}

std::string nodata_text(const json::value& nodata) {
  if (nodata.is_string()) return "nan";
  return json::serialize(nodata);
}

}  // namespace

std::unique_ptr<OpenRaster> OpenRaster::open(const RasterRequest& request) {
  std::unique_ptr<OpenRaster> raster(new OpenRaster);
  raster->name_ = request.source;
  raster->source_ = open_source(request.source);
  require_bands(raster->source(), request.source);
  require_place(raster->source(), request);
  require_crs("source_crs", request.source_crs);
  require_crs("target_crs", request.target_crs);
  if (!is_plain(raster->source(), request)) raster->warp(request);
  raster->width_ = static_cast<std::size_t>(gdal().GDALGetRasterXSize(raster->dataset()));
  raster->height_ = static_cast<std::size_t>(gdal().GDALGetRasterYSize(raster->dataset()));
  raster->find_pixel_rules(request);
  return raster;
}

namespace {

std::string digits_of(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << std::setprecision(std::numeric_limits<double>::max_digits10) << value;
  return text.str();
}

/// What `gdalwarp -et 0 -of VRT` would be given: nothing is computed before it is read.
void add_warp_arguments(GdalList& arguments, const RasterRequest& request, const std::optional<WarpScale>& scale) {
  const auto add = [&](const char* name, const std::string& value) { arguments.add(name).add(value); };
  add("-of", "VRT");
  add("-et", "0");
  add("-r", request.resampling);
  if (request.source_crs) add("-s_srs", *request.source_crs);
  if (request.target_crs) add("-t_srs", *request.target_crs);
  if (!request.nodata.is_null()) add("-dstnodata", nodata_text(request.nodata));
  if (request.alpha) arguments.add("-dstalpha");
  // A piece of the destination that comes from a single line of the source, at a pole, else comes from nothing.
  add("-wo", "SOURCE_EXTRA=2");
  if (!scale) return;
  add("-wo", "XSCALE=" + digits_of(scale->x));
  add("-wo", "YSCALE=" + digits_of(scale->y));
}

Dataset warp_as(GDALDatasetH source, const RasterRequest& request, const std::optional<WarpScale>& scale) {
  GdalList arguments;
  add_warp_arguments(arguments, request, scale);
  const std::unique_ptr<GDALWarpAppOptions, decltype(gdal().GDALWarpAppOptionsFree)> options(
      gdal().GDALWarpAppOptionsNew(arguments.get(), nullptr), gdal().GDALWarpAppOptionsFree);
  int misuse = FALSE;
  return Dataset(options ? gdal().GDALWarp("", nullptr, 1, &source, options.get(), &misuse) : nullptr);
}

}  // namespace

void OpenRaster::warp(const RasterRequest& request) {
  const GdalMessages messages;
  warped_ = warp_as(source(), request, std::nullopt);
  if (warped_) {
    const auto scale = warp_scale(source(), warped_.get(), request);
    if (scale) warped_ = warp_as(source(), request, scale);
  }
  if (warped_) return;
  refuse_params("source: " + quoted_path(name_) + " cannot be brought into " +
                (request.target_crs ? quoted_path(*request.target_crs) : std::string("a grid that points north")) +
                ": " + messages.text());
}

void OpenRaster::find_pixel_rules(const RasterRequest& request) {
  const auto bands = gdal().GDALGetRasterCount(dataset());
  pixels_.bands = static_cast<std::size_t>(bands);
  type_ = gdal().GDALGetRasterDataType(gdal().GDALGetRasterBand(dataset(), 1));
  for (int band = 1; band <= bands; ++band) {
    const auto handle = gdal().GDALGetRasterBand(dataset(), band);
    type_ = gdal().GDALDataTypeUnion(type_, gdal().GDALGetRasterDataType(handle));
    if (gdal().GDALGetRasterColorInterpretation(handle) == GCI_AlphaBand) {
      pixels_.alpha = static_cast<std::size_t>(band - 1);
    }
    int has_nodata = FALSE;
    const double nodata = gdal().GDALGetRasterNoDataValue(handle, &has_nodata);
    if (!has_nodata) continue;
    const bool differs =
        pixels_.nodata && *pixels_.nodata != nodata && !(std::isnan(*pixels_.nodata) && std::isnan(nodata));
    if (differs) {
      refuse_params("source: the bands of " + quoted_path(name_) +
                    " have different values for no data, and a GeoTIFF has one; say which by nodata");
    }
    pixels_.nodata = nodata;
  }
  const std::string type = gdal().GDALGetDataTypeName(type_);
  const auto known = pixel_type_from(type);
  if (!known) {
    refuse_params("source: the pixels of " + quoted_path(name_) + " are " + type +
                  ", should be Byte, UInt16, Int16, UInt32, Int32, Float32 or Float64");
  }
  pixels_.type = *known;
  if (request.nodata.is_null()) return;
  const auto asked =
      request.nodata.is_string() ? std::numeric_limits<double>::quiet_NaN() : request.nodata.to_number<double>();
  if (!is_value_of(*known, asked)) refuse_params("nodata: " + nodata_text(request.nodata) + " is no value of " + type);
}

bool OpenRaster::is_rgb() const {
  if (pixels_.bands < 3) return false;
  for (int band = 1; band <= 3; ++band) {
    const auto color = gdal().GDALGetRasterColorInterpretation(gdal().GDALGetRasterBand(dataset(), band));
    if (color != GCI_RedBand + band - 1) return false;
  }
  return true;
}

bool OpenRaster::has_color_table() const {
  return pixels_.bands == 1 && gdal().GDALGetRasterColorTable(gdal().GDALGetRasterBand(dataset(), 1)) != nullptr;
}

void OpenRaster::read(std::size_t x, std::size_t y, std::size_t width, std::size_t height, std::byte* to) {
  const GdalMessages messages;
  const auto sample = static_cast<GSpacing>(size_of(pixels_.type));
  const auto pixel = static_cast<GSpacing>(pixels_.pixel_bytes());
  const auto w = static_cast<int>(width);
  const auto h = static_cast<int>(height);
  const auto read = gdal().GDALDatasetRasterIOEx(dataset(), GF_Read, static_cast<int>(x), static_cast<int>(y), w, h, to,
                                                 w, h, type_, static_cast<int>(pixels_.bands), nullptr, pixel,
                                                 pixel * static_cast<GSpacing>(width), sample, nullptr);
  if (read == CE_None) return;
  throw TaskFailure{.type = "source_unreadable",
                    .message = "source: " + quoted_path(name_) + " cannot be read where the pixels from " +
                               std::to_string(x) + ", " + std::to_string(y) + " on come from: " + messages.text()};
}

void OpenRaster::forget_made() {
  const GdalMessages quiet;
  if (warped_) gdal().GDALFlushCache(warped_.get());
}

std::string stamp_of(const std::string& source) {
  const GdalMessages quiet;
  VSIStatBufL status{};
  if (gdal().VSIStatExL(source.c_str(), &status, VSI_STAT_EXISTS_FLAG | VSI_STAT_NATURE_FLAG | VSI_STAT_SIZE_FLAG) !=
      0) {
    return "";
  }
  return std::to_string(status.st_size) + " bytes of " + std::to_string(status.st_mtime);
}

}  // namespace coremachine::builtin
