#include <cmath>
#include <set>
#include <utility>

#include "handlers/raster/encode.hpp"
#include "handlers/raster/tile_file.hpp"
#include "handlers/raster/upper_levels.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

/// A tile that has to be made again before the rest makes sense.
struct DamagedTileNumber {
  std::size_t tile;
  std::string why;
};

/// One attempt to put all tiles together.
class Assembly {
 public:
  Assembly(OpenRaster& raster, const AssembleParams& params, TaskContext& context)
      : raster_(raster), params_(params), context_(context), grid_(params.plan) {}

  /// The statistics of all tiles, in their order, and the size of each block.
  void read_indexes() {
    bands_.assign(raster_.pixels().bands, {});
    for (std::size_t times = 0; times < grid_.tile_levels(); ++times) {
      CogLevel level{.width = TileGrid::halved(grid_.width(), times),
                     .height = TileGrid::halved(grid_.height(), times)};
      level.columns = grid_.blocks(level.width);
      level.rows = grid_.blocks(level.height);
      level.sizes.resize(level.columns * level.rows);
      levels_.push_back(std::move(level));
    }
    for (std::size_t tile = 0; tile < grid_.tiles(); ++tile) read_index(tile);
  }

  void write(NewFile& file) {
    UpperLevels upper(raster_, params_.raster, params_.plan);
    if (grid_.has_rest()) {
      for (std::size_t tile = 0; tile < grid_.tiles(); ++tile) put_rest(tile, upper);
      upper.make(context_);
    }
    levels_.insert(levels_.end(), upper.levels().begin(), upper.levels().end());
    file.write(cog_head(directory_of(raster_, params_.raster, grid_.block_size()), levels_));
    for (auto i = upper.levels().size(); i-- > 0;) upper.write(i, file);
    for (auto level = grid_.tile_levels(); level-- > 0;) write_level(level, file);
  }

  const std::vector<BandStatistics>& bands() const { return bands_; }

 private:
  TileFile open(std::size_t tile) const {
    try {
      return TileFile(path_of_tile(params_.plan, tile));
    } catch (const DamagedTile& damage) {
      throw DamagedTileNumber{tile, damage.why};
    }
  }

  void go_on() const {
    if (context_.cancelled()) fail_cancelled();
    context_.heartbeat();
  }

  void read_index(std::size_t tile) {
    const auto file = open(tile);
    const auto& index = file.index();
    if (index.levels.size() != levels_.size() || index.bands.size() != bands_.size()) {
      throw DamagedTileNumber{tile, "it belongs to another raster"};
    }
    for (std::size_t band = 0; band < bands_.size(); ++band) bands_[band].merge(index.bands[band]);
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const auto& from = index.levels[i];
      auto& to = levels_[i];
      const auto per_tile = (grid_.tile_size() >> i) / grid_.block_size();
      const auto x = tile % grid_.columns() * per_tile;
      const auto y = tile / grid_.columns() * per_tile;
      if (x + from.columns > to.columns || y + from.rows > to.rows) {
        throw DamagedTileNumber{tile, "it belongs to another raster"};
      }
      for (std::size_t k = 0; k < from.sizes.size(); ++k) {
        to.sizes[(y + k / from.columns) * to.columns + x + k % from.columns] = from.sizes[k];
      }
    }
  }

  void put_rest(std::size_t tile, UpperLevels& upper) {
    go_on();
    const auto file = open(tile);
    std::string pixels;
    try {
      file.read_rest(pixels);
    } catch (const DamagedTile& damage) {
      throw DamagedTileNumber{tile, damage.why};
    }
    upper.put_rest(tile, pixels);
  }

  /// Blocks stand row by row, over all the tiles beside each other.
  void write_level(std::size_t level, NewFile& to) {
    std::string blocks;
    for (std::size_t row = 0; row < grid_.rows(); ++row) {
      go_on();
      std::vector<TileFile> tiles;
      for (std::size_t column = 0; column < grid_.columns(); ++column) {
        tiles.push_back(open(row * grid_.columns() + column));
      }
      for (std::size_t line = 0; line < tiles.front().index().levels[level].rows; ++line) {
        for (std::size_t column = 0; column < tiles.size(); ++column) {
          try {
            tiles[column].read_row(level, line, blocks);
          } catch (const DamagedTile& damage) {
            throw DamagedTileNumber{row * grid_.columns() + column, damage.why};
          }
          to.write(blocks);
        }
      }
    }
  }

  OpenRaster& raster_;
  const AssembleParams& params_;
  TaskContext& context_;
  TileGrid grid_;
  std::vector<CogLevel> levels_ = {};
  std::vector<BandStatistics> bands_ = {};
};

json::value number(double value) {
  return std::isfinite(value) ? json::value(value) : json::value();
}

json::array to_json(const std::vector<BandStatistics>& bands) {
  json::array all;
  for (const auto& band : bands) {
    json::object one{{"count", band.count}};
    if (band.count > 0) {
      one.emplace("minimum", number(band.least));
      one.emplace("maximum", number(band.greatest));
      one.emplace("mean", number(band.mean));
      one.emplace("stddev", number(std::sqrt(band.squares / static_cast<double>(band.count))));
    }
    all.push_back(std::move(one));
  }
  return all;
}

/// Whether an earlier attempt has come to its end and nobody heard of it.
bool was_published(const std::string& kept, const RasterRequest& request) {
  return !request.overwrite && is_same_file(kept, request.destination);
}

void publish(NewFile& file, const RasterRequest& request) {
  if (request.overwrite) return file.publish_at(request.destination);
  if (file.publish_as_new(request.destination)) return;
  throw TaskFailure{.type = "destination_exists",
                    .message = "destination: " + quoted_path(request.destination) +
                               " was made by somebody else meanwhile, and stays as it is",
                    .kind = TaskFailure::Kind::permanent};
}

json::object assemble(OpenRaster& raster, const AssembleParams& params, TaskContext& context) {
  Assembly assembly(raster, params, context);
  assembly.read_indexes();
  const auto kept = params.plan.folder + "/assembled";
  if (!was_published(kept, params.raster)) {
    NewFile file(kept);
    assembly.write(file);
    publish(file, params.raster);
  }
  return {{"destination", params.raster.destination}, {"bands", to_json(assembly.bands())}};
}

}  // namespace

TaskResult assemble_raster(const AssembleParams& params, TaskContext& context) {
  RasterLoan loan(params.raster, params.plan, context);
  std::set<std::size_t> made_again;
  for (;;) {
    try {
      auto result = assemble(*loan, params, context);
      if (!made_again.empty()) result.emplace("tiles_made_again", made_again.size());
      loan.give_back();
      return result;
    } catch (const DamagedTileNumber& damaged) {
      const auto text = "tile " + std::to_string(damaged.tile) + " cannot be used: " + damaged.why;
      if (!made_again.insert(damaged.tile).second) throw TaskFailure{.type = "damaged_tile", .message = text};
      context.log(LogLevel::warn, text + "; it is made again");
      make_tile(*loan, params.raster, params.plan, damaged.tile, context);
    }
  }
}

TaskInfo assemble_raster_info() {
  return {.description = "Puts the tiles of a raster together into a cloud-optimised GeoTIFF",
          .tags = {"builtin", "raster"}};
}

}  // namespace coremachine::builtin
