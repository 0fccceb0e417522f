#include "handlers/raster/raster_params.hpp"

#include <array>

namespace coremachine::builtin {

namespace {

bool is_power_of_two(std::int64_t n) {
  return n > 0 && (n & (n - 1)) == 0;
}

bool is_nodata(const json::value& value) {
  return value.is_null() || value.is_number() || value == "nan";
}

/// `2026-01-31T12:00:00Z`, with a fraction or an offset if need be.
constexpr const char* rfc3339 =
    R"(^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$)";

std::optional<std::string> level_fault(const RasterRequest& request) {
  if (!request.level) return std::nullopt;
  const auto most = request.compression == "deflate" ? 12 : request.compression == "zstd" ? 22 : 0;
  if (*request.level >= 1 && *request.level <= most) return std::nullopt;
  if (most == 0) return "level: the compression " + request.compression + " has none";
  return "level: " + request.compression + " has 1 to " + std::to_string(most);
}

}  // namespace

void RasterRequest::rules(params::Fields<RasterRequest>& fields) {
  using R = RasterRequest;
  fields.doc("A raster that GDAL can read becomes a cloud-optimised GeoTIFF");
  fields[&R::source].doc("a file, or anything else that GDAL opens, as /vsicurl/https://…").min_length(1);
  fields[&R::destination]
      .doc("the file to be made, in a directory that is there")
      .min_length(1)
      .check([](const std::string& path) { return !path.starts_with("/vsi") && !path.ends_with('/'); },
             "a path in the file system of this machine");
  fields[&R::tile_size]
      .doc("in pixels, of the tiles that are made in parallel; by default up to 2048, less of a small raster or of large pixels")
      .range(256, 8192)
      .check(is_power_of_two, "a power of two");
  fields[&R::compression].one_of({"deflate", "zstd", "lzw", "none"}).by_default();
  fields[&R::level].doc("of the compression: deflate 1 to 12, zstd 1 to 22").range(1, 22);
  fields[&R::predictor].doc("compress differences of neighbours: good for what changes smoothly").by_default();
  fields[&R::source_crs].doc("of a source that does not say, or says it wrong").min_length(1);
  fields[&R::target_crs].doc("to reproject to, as EPSG:3857; by default that of the source").min_length(1);
  fields[&R::resampling]
      .one_of({"near", "bilinear", "cubic", "cubicspline", "lanczos", "average", "rms", "mode", "max", "min", "med",
               "q1", "q3", "sum"})
      .by_default();
  fields[&R::nodata]
      .doc("the value of pixels that have none; by default that of the source")
      .check(is_nodata, "a number or \"nan\"")
      .schema({{"anyOf", {{{"type", "number"}}, {{"const", "nan"}}, {{"type", "null"}}}}})
      .by_default();
  fields[&R::alpha].doc("add a band that says where the source has pixels").by_default();
  fields[&R::overview_resampling]
      .doc("by default nearest for classes (a colour table), else average")
      .one_of({"average", "nearest"});
  fields[&R::overwrite].doc("a file that is there already may be replaced").by_default();
  fields[&R::datetime]
      .doc(
          "of what the raster shows, for its STAC item; by default what the source says, else when it was changed last")
      .pattern(rfc3339);
  fields.check(level_fault);
}

}  // namespace coremachine::builtin
