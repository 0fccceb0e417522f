#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/registry/typed.hpp>

namespace coremachine::builtin {

/// What `stage_raster` is asked for.
struct RasterRequest {
  std::string source;
  std::string destination;
  std::optional<std::int64_t> tile_size;
  std::string compression = "deflate";
  std::optional<std::int64_t> level;
  bool predictor = false;
  std::optional<std::string> source_crs;
  std::optional<std::string> target_crs;
  std::string resampling = "near";
  json::value nodata;
  bool alpha = false;
  std::optional<std::string> overview_resampling;
  bool overwrite = false;
  std::optional<std::string> datetime;

  static void rules(params::Fields<RasterRequest>& fields);
};
BOOST_DESCRIBE_STRUCT(RasterRequest, (),
                      (source, destination, tile_size, compression, level, predictor, source_crs, target_crs,
                       resampling, nodata, alpha, overview_resampling, overwrite, datetime))

/// What the inspection decided; all that follows goes by it.
struct RasterPlan {
  std::string folder;        ///< where the tiles lie, beside the destination
  std::string source_stamp;  ///< size and time of the source, to see that it is still the same; empty: nobody knows
  std::int64_t width = 0;    ///< of the destination, in pixels
  std::int64_t height = 0;
  std::int64_t bands = 0;
  std::string type;             ///< of a pixel, as GDAL calls it
  std::int64_t tile_size = 0;   ///< of the tiles that are made in parallel: a power of two
  std::int64_t block_size = 0;  ///< of the blocks in the file, at most that; a power of two
  std::int64_t overviews = 0;   ///< how often the raster is halved until it fits a block
};
BOOST_DESCRIBE_STRUCT(RasterPlan, (),
                      (folder, source_stamp, width, height, bands, type, tile_size, block_size, overviews))

/// The params of `warp_tile`; tiles are numbered row by row.
struct TileParams {
  RasterRequest raster;
  RasterPlan plan;
  std::int64_t tile = 0;
};
BOOST_DESCRIBE_STRUCT(TileParams, (), (raster, plan, tile))

/// The params of `assemble_raster`.
struct AssembleParams {
  RasterRequest raster;
  RasterPlan plan;
};
BOOST_DESCRIBE_STRUCT(AssembleParams, (), (raster, plan))

/// The params of `describe_raster`: with what `assemble_raster` returned.
struct DescribeParams {
  RasterRequest raster;
  RasterPlan plan;
  json::object assembled;
};
BOOST_DESCRIBE_STRUCT(DescribeParams, (), (raster, plan, assembled))

TaskResult inspect_raster(const RasterRequest& request, TaskContext& context);
TaskInfo inspect_raster_info();
TaskResult warp_tile(const TileParams& params, TaskContext& context);
TaskInfo warp_tile_info();
TaskResult assemble_raster(const AssembleParams& params, TaskContext& context);
TaskInfo assemble_raster_info();
TaskResult describe_raster(const DescribeParams& params, TaskContext& context);
TaskInfo describe_raster_info();

}  // namespace coremachine::builtin
