#include "handlers/raster/stac_item.hpp"

#include <array>
#include <cmath>
#include <map>

#include <boost/json/parse.hpp>

#include "handlers/raster/pixels.hpp"

namespace coremachine::builtin {

namespace {

const char* data_type_of(const std::string& gdal_name) {
  static const std::map<std::string, const char*> names{
      {"Byte", "uint8"},  {"UInt16", "uint16"},   {"Int16", "int16"},    {"UInt32", "uint32"},
      {"Int32", "int32"}, {"Float32", "float32"}, {"Float64", "float64"}};
  const auto found = names.find(gdal_name);
  return found == names.end() ? "other" : found->second;
}

json::value nodata_of(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

json::object statistics_of(const json::object& band, double pixels) {
  json::object statistics;
  for (const char* name : {"minimum", "maximum", "mean", "stddev"}) {
    const auto* value = band.if_contains(name);
    if (value && !value->is_null()) statistics.emplace(name, *value);
  }
  constexpr double percent = 100;
  statistics.emplace("valid_percent", band.at("count").to_number<double>() * percent / pixels);
  return statistics;
}

json::object band_of(GDALDatasetH dataset, int number, const json::object& facts) {
  const auto& g = gdal();
  const auto band = g.GDALGetRasterBand(dataset, number);
  json::object about{{"data_type", data_type_of(g.GDALGetDataTypeName(g.GDALGetRasterDataType(band)))}};
  const std::string name = g.GDALGetDescription(band);
  about.emplace("name", name.empty() ? "b" + std::to_string(number) : name);
  const auto* area = g.GDALGetMetadataItem(dataset, "AREA_OR_POINT", nullptr);
  about.emplace("sampling", area && std::string(area) == "Point" ? "point" : "area");
  int is_there = FALSE;
  const double nodata = g.GDALGetRasterNoDataValue(band, &is_there);
  if (is_there) about.emplace("nodata", nodata_of(nodata));
  const double scale = g.GDALGetRasterScale(band, &is_there);
  if (is_there) about.emplace("scale", scale);
  const double offset = g.GDALGetRasterOffset(band, &is_there);
  if (is_there) about.emplace("offset", offset);
  const std::string unit = g.GDALGetRasterUnitType(band);
  if (!unit.empty()) about.emplace("unit", unit);
  const double pixels = static_cast<double>(g.GDALGetRasterXSize(dataset)) * g.GDALGetRasterYSize(dataset);
  about.emplace("statistics", statistics_of(facts, pixels));
  return about;
}

std::string text_of(char* from_gdal) {
  const std::string text = from_gdal ? from_gdal : "";
  gdal().VSIFree(from_gdal);
  return text;
}

/// proj:epsg is null where there is no such code, and then the whole definition says which it is.
void add_projection(GDALDatasetH dataset, json::object& properties) {
  const auto& g = gdal();
  const GdalMessages quiet;
  const auto crs = g.GDALGetSpatialRef(dataset);
  if (!crs) return;
  const auto* authority = g.OSRGetAuthorityName(crs, nullptr);
  const auto* code = g.OSRGetAuthorityCode(crs, nullptr);
  const bool has_code = authority && code && std::string(authority) == "EPSG";
  properties.emplace("proj:epsg", has_code ? json::value(std::stol(code)) : json::value());
  if (has_code) return;
  char* wkt = nullptr;
  const std::array<const char*, 2> options{"FORMAT=WKT2_2019", nullptr};
  if (g.OSRExportToWktEx(crs, &wkt, options.data()) == OGRERR_NONE) properties.emplace("proj:wkt2", text_of(wkt));
  char* projjson = nullptr;
  if (g.OSRExportToPROJJSON(crs, &projjson, nullptr) == OGRERR_NONE) {
    json::error_code not_json;
    auto parsed = json::parse(text_of(projjson), not_json);
    if (!not_json) properties.emplace("proj:projjson", std::move(parsed));
  }
}

void add_grid(GDALDatasetH dataset, json::object& properties) {
  std::array<double, 6> t{};
  const int width = gdal().GDALGetRasterXSize(dataset);
  const int height = gdal().GDALGetRasterYSize(dataset);
  properties.emplace("proj:shape", json::array{height, width});
  if (gdal().GDALGetGeoTransform(dataset, t.data()) != CE_None) return;
  properties.emplace("proj:transform", json::array{t[1], t[2], t[0], t[4], t[5], t[3]});
  properties.emplace("proj:bbox", json::array{t[0], t[3] + t[5] * height, t[0] + t[1] * width, t[3]});
}

json::object asset_of(GDALDatasetH dataset, const ItemFacts& facts) {
  json::array bands;
  for (std::size_t i = 0; i < facts.bands.size(); ++i) {
    bands.push_back(band_of(dataset, static_cast<int>(i) + 1, facts.bands[i].as_object()));
  }
  json::object asset{{"href", facts.href},
                     {"type", "image/tiff; application=geotiff; profile=cloud-optimized"},
                     {"roles", json::array{"data"}},
                     {"file:size", facts.bytes}};
  asset.emplace("raster:bands", std::move(bands));
  return asset;
}

}  // namespace

json::object stac_item(GDALDatasetH dataset, const ItemFacts& facts) {
  json::object item{{"type", "Feature"}, {"stac_version", "1.0.0"}, {"id", facts.id}};
  item.emplace("stac_extensions", json::array{"https://stac-extensions.github.io/projection/v1.1.0/schema.json",
                                              "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
                                              "https://stac-extensions.github.io/file/v2.1.0/schema.json"});
  if (auto footprint = footprint_of(dataset)) {
    item.emplace("geometry", std::move(footprint->geometry));
    item.emplace("bbox", std::move(footprint->bbox));
  } else {
    item.emplace("geometry", nullptr);
  }
  json::object properties{{"datetime", facts.datetime}};
  add_projection(dataset, properties);
  add_grid(dataset, properties);
  item.emplace("properties", std::move(properties));
  item.emplace("links", json::array());
  json::object assets;
  assets.emplace("data", asset_of(dataset, facts));
  item.emplace("assets", std::move(assets));
  return item;
}

}  // namespace coremachine::builtin
