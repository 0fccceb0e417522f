#include <charconv>
#include <chrono>
#include <filesystem>
#include <system_error>

#include <coremachine/model/time.hpp>

#include "handlers/raster/make_tile.hpp"
#include "handlers/raster/stac_item.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace fs = std::filesystem;

namespace {

Dataset open_destination(const std::string& path) {
  const GdalMessages messages;
  constexpr unsigned flags = GDAL_OF_READONLY | GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR;
  Dataset dataset(gdal().GDALOpenEx(path.c_str(), flags, nullptr, nullptr, nullptr));
  if (dataset) return dataset;
  throw TaskFailure{.type = "io_error",
                    .message = "destination: " + quoted_path(path) + " cannot be opened again: " + messages.text()};
}

/// A TIFF says `2026:01:31 12:00:00`, and not of which time zone.
std::optional<std::string> time_said_in(GDALDatasetH dataset) {
  const auto* said = gdal().GDALGetMetadataItem(dataset, "TIFFTAG_DATETIME", nullptr);
  if (!said) return std::nullopt;
  std::string text = said;
  constexpr std::size_t length = 19;
  if (text.size() != length || text[4] != ':' || text[7] != ':' || text[10] != ' ') return std::nullopt;
  text[4] = text[7] = '-';
  text[10] = 'T';
  text += "Z";
  json::object probe{{"source", "x"}, {"destination", "x"}, {"datetime", text}};
  return params::parse<RasterRequest>(probe) ? std::optional(text) : std::nullopt;
}

std::string datetime_of(const DescribeParams& params, GDALDatasetH dataset) {
  if (params.raster.datetime) return *params.raster.datetime;
  if (const auto said = time_said_in(dataset)) return *said;
  // The stamp ends with the time of the source, in seconds.
  const auto& stamp = params.plan.source_stamp;
  const auto blank = stamp.rfind(' ');
  std::int64_t seconds = 0;
  if (blank != std::string::npos) std::from_chars(stamp.data() + blank + 1, stamp.data() + stamp.size(), seconds);
  if (seconds > 0) return to_rfc3339(Timestamp(std::chrono::seconds(seconds)));
  return to_rfc3339(std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()));
}

}  // namespace

TaskResult describe_raster(const DescribeParams& params, TaskContext& context) {
  RasterPool::instance().close(pool_key(context, params.raster));
  const auto dataset = open_destination(params.raster.destination);
  const auto path = fs::absolute(params.raster.destination).lexically_normal();
  ItemFacts facts{.id = path.stem().string(),
                  .href = path.string(),
                  .datetime = datetime_of(params, dataset.get()),
                  .bytes = fs::file_size(path),
                  .bands = params.assembled.at("bands").as_array()};
  json::object result{{"destination", path.string()}, {"bytes", facts.bytes}};
  result.emplace("stac_item", stac_item(dataset.get(), facts));
  // The result of the assembly is durable, so nobody will want the tiles again.
  std::error_code error;
  fs::remove_all(params.plan.folder, error);
  if (error) context.log(LogLevel::warn, quoted_path(params.plan.folder) + " cannot be removed: " + error.message());
  return result;
}

TaskInfo describe_raster_info() {
  return {.description = "Makes a STAC item of a staged raster", .tags = {"builtin", "raster"}};
}

}  // namespace coremachine::builtin
