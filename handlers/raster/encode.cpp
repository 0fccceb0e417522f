#include "handlers/raster/encode.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <stdexcept>

namespace coremachine::builtin {

namespace {

std::string memory_name() {
  static std::atomic<std::uint64_t> count = 0;
  return "/vsimem/coremachine/" + std::to_string(++count) + ".tif";
}

[[noreturn]] void fail(const GdalMessages& messages) {
  throw TaskFailure{.type = "gdal_error", .message = "the GeoTIFF driver of GDAL refuses: " + messages.text()};
}

void add_options(GdalList& options, const OpenRaster& raster, const RasterRequest& request, std::size_t block_size) {
  std::string compression = request.compression;
  for (auto& c : compression) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto size = std::to_string(block_size);
  options.add("TILED=YES").add("BLOCKXSIZE=" + size).add("BLOCKYSIZE=" + size).add("COMPRESS=" + compression);
  options.add("INTERLEAVE=PIXEL").add("BIGTIFF=YES").add("ENDIANNESS=LITTLE");
  if (request.predictor && compression != "NONE") {
    const auto type = raster.pixels().type;
    options.add(type == PixelType::f32 || type == PixelType::f64 ? "PREDICTOR=3" : "PREDICTOR=2");
  }
  if (request.level) options.add((compression == "ZSTD" ? "ZSTD_LEVEL=" : "ZLEVEL=") + std::to_string(*request.level));
  const bool is_image = raster.pixels().type == PixelType::u8 || raster.pixels().type == PixelType::u16;
  options.add(raster.is_rgb() && is_image ? "PHOTOMETRIC=RGB" : "PHOTOMETRIC=MINISBLACK");
  const bool alpha_is_last = raster.pixels().alpha == raster.pixels().bands - 1;
  options.add(alpha_is_last ? "ALPHA=YES" : "ALPHA=NO");
}

Dataset create(const std::string& name, const OpenRaster& raster, std::size_t width, std::size_t height,
               const GdalList& options, const GdalMessages& messages) {
  Dataset file(gdal().GDALCreate(gdal().GDALGetDriverByName("GTiff"), name.c_str(), static_cast<int>(width),
                                 static_cast<int>(height), static_cast<int>(raster.pixels().bands), raster.gdal_type(),
                                 options.get()));
  if (!file) fail(messages);
  return file;
}

std::string_view content_of(const std::string& name) {
  vsi_l_offset size = 0;
  const auto* bytes = gdal().VSIGetMemFileBuffer(name.c_str(), &size, FALSE);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

const TiffTag& tag(const std::vector<TiffTag>& tags, std::uint16_t id) {
  const auto found = std::find_if(tags.begin(), tags.end(), [&](const TiffTag& each) { return each.id == id; });
  if (found == tags.end()) throw std::runtime_error("GDAL has written a TIFF without the tag " + std::to_string(id));
  return *found;
}

/// What GDAL's own programs would copy too, but for statistics: they were of other pixels.
void copy_metadata(GDALMajorObjectH from, GDALMajorObjectH to) {
  GdalList kept;
  char** items = gdal().GDALGetMetadata(from, nullptr);
  for (int i = 0; items && items[i]; ++i) {
    if (!std::string_view(items[i]).starts_with("STATISTICS_")) kept.add(items[i]);
  }
  if (kept.get()) gdal().GDALSetMetadata(to, kept.get(), nullptr);
}

void copy_band(GDALRasterBandH from, GDALRasterBandH to) {
  const auto& g = gdal();
  copy_metadata(from, to);
  g.GDALSetDescription(to, g.GDALGetDescription(from));
  if (auto table = g.GDALGetRasterColorTable(from)) {
    g.GDALSetRasterColorTable(to, table);
  } else if (g.GDALGetRasterColorInterpretation(from) != g.GDALGetRasterColorInterpretation(to)) {
    g.GDALSetRasterColorInterpretation(to, g.GDALGetRasterColorInterpretation(from));
  }
  int is_there = FALSE;
  const double scale = g.GDALGetRasterScale(from, &is_there);
  if (is_there && scale != 1) g.GDALSetRasterScale(to, scale);
  const double offset = g.GDALGetRasterOffset(from, &is_there);
  if (is_there && offset != 0) g.GDALSetRasterOffset(to, offset);
  const std::string unit = g.GDALGetRasterUnitType(from);
  if (!unit.empty()) g.GDALSetRasterUnitType(to, unit.c_str());
  const double nodata = g.GDALGetRasterNoDataValue(from, &is_there);
  if (is_there) g.GDALSetRasterNoDataValue(to, nodata);
}

/// A file that is gone with the object.
struct MemoryFile {
  std::string name = memory_name();
  ~MemoryFile() { gdal().VSIUnlink(name.c_str()); }
};

}  // namespace

BlockEncoder::BlockEncoder(const OpenRaster& raster, const RasterRequest& request, std::size_t block_size,
                           std::size_t count)
    : raster_(raster), block_size_(block_size), name_(memory_name()) {
  const GdalMessages messages;
  GdalList options;
  add_options(options, raster, request, block_size);
  // One block wide: so blocks stand below each other, whatever they will be part of.
  file_ = create(name_, raster, block_size, block_size * count, options, messages);
}
BlockEncoder::~BlockEncoder() {
  const GdalMessages quiet;
  file_.reset();
  gdal().VSIUnlink(name_.c_str());
}

void BlockEncoder::add(const std::byte* pixels) {
  const GdalMessages messages;
  const auto size = static_cast<int>(block_size_);
  const auto sample = static_cast<GSpacing>(size_of(raster_.pixels().type));
  const auto pixel = static_cast<GSpacing>(raster_.pixels().pixel_bytes());
  const auto done = gdal().GDALDatasetRasterIOEx(file_.get(), GF_Write, 0, static_cast<int>(added_++ * block_size_),
                                                 size, size, const_cast<std::byte*>(pixels), size, size,
                                                 raster_.gdal_type(), static_cast<int>(raster_.pixels().bands), nullptr,
                                                 pixel, pixel * size, sample, nullptr);
  if (done != CE_None) fail(messages);
}

std::vector<std::string_view> BlockEncoder::finish() {
  const GdalMessages messages;
  file_.reset();
  if (messages.has_errors()) fail(messages);
  const auto content = content_of(name_);
  const auto tags = read_directory(content);
  const auto offsets = numbers_of(tag(tags, tag_tile_offsets));
  const auto sizes = numbers_of(tag(tags, tag_tile_byte_counts));
  std::vector<std::string_view> blocks;
  blocks.reserve(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) blocks.push_back(content.substr(offsets[i], sizes.at(i)));
  return blocks;
}

std::vector<TiffTag> directory_of(const OpenRaster& raster, const RasterRequest& request, std::size_t block_size) {
  const auto& g = gdal();
  const GdalMessages messages;
  const MemoryFile memory;
  GdalList options;
  add_options(options, raster, request, block_size);
  options.add("SPARSE_OK=TRUE");
  auto file = create(memory.name, raster, raster.width(), raster.height(), options, messages);
  std::array<double, 6> transform{};
  if (g.GDALGetGeoTransform(raster.dataset(), transform.data()) == CE_None) {
    g.GDALSetGeoTransform(file.get(), transform.data());
  }
  auto crs = g.GDALGetSpatialRef(raster.dataset());
  if (crs) g.GDALSetSpatialRef(file.get(), crs);
  copy_metadata(raster.dataset(), file.get());
  for (int band = 1; band <= static_cast<int>(raster.pixels().bands); ++band) {
    copy_band(g.GDALGetRasterBand(raster.dataset(), band), g.GDALGetRasterBand(file.get(), band));
  }
  file.reset();
  if (messages.has_errors()) fail(messages);
  return read_directory(content_of(memory.name));
}

}  // namespace coremachine::builtin
