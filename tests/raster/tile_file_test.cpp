#include "handlers/raster/tile_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <coremachine/registry/task_handler.hpp>

#include "handlers/raster/disk_file.hpp"
#include "handlers/raster/tiff.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace coremachine;
using namespace coremachine::builtin;
using coremachine::support::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

const std::vector<std::string> blocks{std::string(100, 'a'), std::string(7, 'b'), "cccc", std::string(1000, 'd')};

void write_example(const std::string& path) {
  TileIndex index;
  index.levels = {{.columns = 2, .rows = 1, .sizes = {100, 7}}, {.columns = 1, .rows = 2, .sizes = {4, 1000}}};
  index.bands = {{.count = 3, .least = -1, .greatest = 2.5, .mean = 0.5, .squares = 7}};
  index.rest_bytes = 5;
  write_tile(path, index, {blocks.begin(), blocks.end()}, "rest!");
}

/// Reads all of it; what is wrong, or nothing.
std::string damage_of(const std::string& path) {
  try {
    const TileFile tile(path);
    std::string text;
    for (std::size_t level = 0; level < tile.index().levels.size(); ++level) {
      for (std::size_t row = 0; row < tile.index().levels[level].rows; ++row) tile.read_row(level, row, text);
    }
    tile.read_rest(text);
  } catch (const DamagedTile& damage) {
    return damage.why;
  }
  return "";
}

}  // namespace

TEST_SUITE("raster: tile files") {
  TEST_CASE("what was written is read again, block rows as they will stand in the destination") {
    const TemporaryDirectory folder;
    const auto path = folder.path() + "/1.tile";
    write_example(path);
    const TileFile tile(path);
    REQUIRE(tile.index().levels.size() == 2);
    CHECK(tile.index().levels[1].sizes == std::vector<std::uint32_t>{4, 1000});
    CHECK(tile.index().bands[0].greatest == 2.5);
    CHECK(tile.index().bands[0].count == 3);
    std::string text;
    tile.read_row(0, 0, text);
    CHECK(text == framed_block(blocks[0]) + framed_block(blocks[1]));
    CHECK(framed_block("12345") == std::string("\x05\0\0\0", 4) + "123452345");
    tile.read_row(1, 1, text);
    CHECK(text == framed_block(blocks[3]));
    tile.read_rest(text);
    CHECK(text == "rest!");
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
  }

  TEST_CASE("a byte that was changed anywhere, and an end that is missing, are found") {
    const TemporaryDirectory folder;
    const auto path = folder.path() + "/1.tile";
    write_example(path);
    REQUIRE(damage_of(path).empty());
    const auto good = read_file(path);
    for (std::size_t at = 0; at < good.size(); ++at) {
      auto bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
      write_file(path, bad);
      CAPTURE(at);
      CHECK_FALSE(damage_of(path).empty());
    }
    for (const auto size : {std::size_t{0}, std::size_t{20}, std::size_t{100}, good.size() - 1}) {
      write_file(path, good.substr(0, size));
      CAPTURE(size);
      CHECK_FALSE(damage_of(path).empty());
    }
    fs::remove(path);
    CHECK_FALSE(damage_of(path).empty());
  }

  TEST_CASE("a new file appears as a whole, and does not replace what nobody asked it to") {
    const TemporaryDirectory folder;
    const auto own = folder.path() + "/own";
    const auto place = folder.path() + "/place";
    { NewFile(own).write("lost"); }
    CHECK(fs::is_empty(folder.path()));
    {
      NewFile file(own);
      file.write("first");
      CHECK(file.publish_as_new(place));
    }
    CHECK(is_same_file(own, place));
    {
      NewFile file(own);
      file.write(std::string(3 << 20, 'x'));
      CHECK_FALSE(file.publish_as_new(place));
    }
    CHECK(read_file(place) == "first");
    CHECK_FALSE(is_same_file(own, place));
    {
      NewFile file(own);
      file.write("second");
      file.publish_at(place);
    }
    CHECK(read_file(place) == "second");
    CHECK_THROWS_AS(NewFile(folder.path() + "/no/such/file"), TaskFailure);
  }

  TEST_CASE("what is no TIFF is refused, not followed") {
    CHECK_THROWS_AS(read_directory(""), std::runtime_error);
    CHECK_THROWS_AS(read_directory(std::string("II\x2A\0\x08\0\0\0\0\0\0\0", 12)), std::runtime_error);
    std::string far_away("II\x2B\0\x08\0\0\0", 8);
    far_away.append(8, '\x7f');
    CHECK_THROWS_AS(read_directory(far_away), std::runtime_error);
  }

  TEST_CASE("a head grows into a BigTIFF when 4 GiB are not enough") {
    const std::vector<TiffTag> tags{long_tag(tag_width, 1024), long_tag(tag_height, 512), short_tag(259, 1)};
    const auto head_of = [&](std::uint32_t block) {
      return cog_head(tags, {{.width = 1024, .height = 512, .columns = 2, .rows = 1, .sizes = {block, block}},
                             {.width = 512, .height = 256, .columns = 1, .rows = 1, .sizes = {block}}});
    };
    CHECK(head_of(1000).substr(0, 4) == std::string("II\x2A\0", 4));
    const auto big = head_of(2'000'000'000);
    CHECK(big.substr(0, 4) == std::string("II\x2B\0", 4));
    const auto at = big.find("GDAL_STRUCTURAL_METADATA_SIZE=");
    CHECK(at == 16);
    // The first block of the smallest level follows the head, behind the 4 bytes of its size; the others behind that.
    const std::uint64_t overview = big.size() + 4;
    const std::uint64_t first = overview + 2'000'000'000ULL + block_frame;
    const std::uint64_t second = first + 2'000'000'000ULL + block_frame;
    for (const std::uint64_t offset : {overview, first, second}) {
      CHECK(big.find(std::string_view(reinterpret_cast<const char*>(&offset), sizeof offset)) != std::string::npos);
    }
  }
}
