#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace coremachine::builtin {

enum class PixelType : std::uint8_t { u8, u16, i16, u32, i32, f32, f64 };

/// By the name that GDAL has for it; nothing for what a raster here may not have.
std::optional<PixelType> pixel_type_from(std::string_view gdal_name);
std::size_t size_of(PixelType type);
/// Whether a number is one that pixels of this type can have; NaN is for floating point alone.
bool is_value_of(PixelType type, double value);

/// How the pixels of a raster are to be read. In memory all bands of a pixel stand together.
struct PixelRules {
  PixelType type = PixelType::u8;
  std::size_t bands = 1;
  std::optional<double> nodata = {};      ///< such a value is none; a NaN never is one
  std::optional<std::size_t> alpha = {};  ///< the band whose 0 says that a pixel has no value in the others

  std::size_t pixel_bytes() const { return bands * size_of(type); }
};

/// Of the values that there are in one band. What is merged in the same order comes to the same.
struct BandStatistics {
  std::uint64_t count = 0;
  double least = 0;
  double greatest = 0;
  double mean = 0;
  double squares = 0;  ///< the sum of the squared differences from the mean

  void merge(const BandStatistics& other);
};

/// Takes rows of pixels into the statistics of each band.
void add_statistics(const PixelRules& rules, const std::byte* pixels, std::size_t width, std::size_t height,
                    std::vector<BandStatistics>& bands);

enum class Halving : std::uint8_t { average, nearest };

/// Makes one pixel of two by two: the mean of the values that there are, or the upper left one. What is left over at
/// the right and lower edge is made of one or two. `to` has room for half the width and height, rounded up.
void halve(const PixelRules& rules, Halving how, const std::byte* from, std::size_t width, std::size_t height,
           std::byte* to);

/// Copies the square with this number of columns and rows, from (x, y) on; beyond the edges of the raster goes on what
/// is at the edge, which compresses best.
void cut_block(std::size_t pixel_bytes, const std::byte* from, std::size_t width, std::size_t height, std::size_t x,
               std::size_t y, std::size_t size, std::byte* to);

}  // namespace coremachine::builtin
