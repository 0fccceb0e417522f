#include "handlers/raster/pixels.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <doctest/doctest.h>

using namespace coremachine::builtin;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
const std::byte* bytes_of(const std::vector<T>& values) {
  return reinterpret_cast<const std::byte*>(values.data());
}

template <class T>
std::vector<T> halved(const PixelRules& rules, Halving how, const std::vector<T>& from, std::size_t width) {
  const auto height = from.size() / rules.bands / width;
  std::vector<T> to((width + 1) / 2 * ((height + 1) / 2) * rules.bands);
  halve(rules, how, bytes_of(from), width, height, reinterpret_cast<std::byte*>(to.data()));
  return to;
}

}  // namespace

TEST_SUITE("raster: pixels") {
  TEST_CASE("which numbers a type can have") {
    struct Row {
      PixelType type;
      double value;
      bool fits;
    };
    const Row rows[] = {
        {PixelType::u8, 0, true},
        {PixelType::u8, 255, true},
        {PixelType::u8, 256, false},
        {PixelType::u8, -1, false},
        {PixelType::u8, 0.5, false},
        {PixelType::u8, not_a_number, false},
        {PixelType::i16, -32768, true},
        {PixelType::i16, -32769, false},
        {PixelType::u32, 4294967295.0, true},
        {PixelType::i32, 2147483648.0, false},
        {PixelType::f32, not_a_number, true},
        {PixelType::f32, -3.40282346638529e+38, true},
        {PixelType::f32, 1e39, false},
        {PixelType::f64, 1e39, true},
    };
    for (const auto& row : rows) {
      CAPTURE(row.value);
      CAPTURE(static_cast<int>(row.type));
      CHECK(is_value_of(row.type, row.value) == row.fits);
    }
    CHECK(pixel_type_from("UInt16") == PixelType::u16);
    CHECK_FALSE(pixel_type_from("CFloat32"));
  }

  TEST_CASE("two by two pixels become their mean, and what is left at the edges that of fewer") {
    const PixelRules rules{};
    CHECK(halved<std::uint8_t>(rules, Halving::average, {1, 2, 3, 4}, 2) == std::vector<std::uint8_t>{3});  // 2.5
    CHECK(halved<std::uint8_t>(rules, Halving::average, {10, 20, 7, 30, 40, 9, 5, 6, 100}, 3) ==
          std::vector<std::uint8_t>{25, 8, 6, 100});
    CHECK(halved<std::uint8_t>(rules, Halving::nearest, {10, 20, 7, 30, 40, 9, 5, 6, 100}, 3) ==
          std::vector<std::uint8_t>{10, 7, 5, 100});
    CHECK(halved<std::int16_t>({.type = PixelType::i16}, Halving::average, {-1, -2, -1, -1}, 2) ==
          std::vector<std::int16_t>{-1});
  }

  TEST_CASE("what has no value does not count, and where there is none there is none") {
    const PixelRules rules{.type = PixelType::i16, .bands = 1, .nodata = -9};
    CHECK(halved<std::int16_t>(rules, Halving::average, {-9, 4, -9, 6}, 2) == std::vector<std::int16_t>{5});
    CHECK(halved<std::int16_t>(rules, Halving::average, {-9, -9, -9, -9}, 2) == std::vector<std::int16_t>{-9});
    const PixelRules floats{.type = PixelType::f32, .bands = 1, .nodata = not_a_number};
    const auto half = halved<float>(floats, Halving::average, {NAN, 2, 4, NAN, NAN, NAN, NAN, NAN}, 4);
    CHECK(half[0] == 2);
    CHECK(half[1] == 4);
    const PixelRules rgba{.type = PixelType::u8, .bands = 2, .nodata = {}, .alpha = 1};
    CHECK(halved<std::uint8_t>(rgba, Halving::average, {100, 255, 50, 0, 30, 0, 200, 255}, 2) ==
          std::vector<std::uint8_t>{150, 128});
  }

  TEST_CASE("statistics are those of all values, however they are divided") {
    std::mt19937 random(7);
    std::vector<float> values(40 * 30 * 2);
    for (auto& value : values) {
      value = 1e6F + static_cast<float>(random() % 1000) / 8;
      if (random() % 10 == 0) value = -1;
    }
    const PixelRules rules{.type = PixelType::f32, .bands = 2, .nodata = -1};
    std::vector<BandStatistics> at_once(2);
    add_statistics(rules, bytes_of(values), 40, 30, at_once);
    std::vector<BandStatistics> in_parts(2);
    for (std::size_t y = 0; y < 30; y += 7) {
      add_statistics(rules, bytes_of(values) + y * 40 * 2 * sizeof(float), 40, std::min<std::size_t>(7, 30 - y),
                     in_parts);
    }
    for (std::size_t band = 0; band < 2; ++band) {
      long double sum = 0;
      long double squares = 0;
      std::uint64_t count = 0;
      for (auto i = band; i < values.size(); i += 2) {
        if (values[i] == -1) continue;
        ++count;
        sum += values[i];
      }
      const auto mean = sum / count;
      for (auto i = band; i < values.size(); i += 2) {
        if (values[i] != -1) squares += (values[i] - mean) * (values[i] - mean);
      }
      for (const auto& found : {at_once[band], in_parts[band]}) {
        CHECK(found.count == count);
        CHECK(found.mean == doctest::Approx(static_cast<double>(mean)).epsilon(1e-13));
        CHECK(found.squares == doctest::Approx(static_cast<double>(squares)).epsilon(1e-9));
        CHECK(found.least >= 1e6);
        CHECK(found.greatest <= 1e6 + 125);
      }
    }
    BandStatistics none;
    none.merge({});
    CHECK(none.count == 0);
  }

  TEST_CASE("a block beyond the edge goes on with what is at the edge") {
    const std::vector<std::uint8_t> from{1, 2, 3, 4, 5, 6};
    std::vector<std::uint8_t> block(16);
    cut_block(1, bytes_of(from), 3, 2, 1, 1, 4, reinterpret_cast<std::byte*>(block.data()));
    CHECK(block == std::vector<std::uint8_t>{5, 6, 6, 6, 5, 6, 6, 6, 5, 6, 6, 6, 5, 6, 6, 6});
  }
}
