#include "handlers/raster/pixels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace coremachine::builtin {

namespace {

constexpr std::array<std::pair<std::string_view, PixelType>, 7> names{{{"Byte", PixelType::u8},
                                                                       {"UInt16", PixelType::u16},
                                                                       {"Int16", PixelType::i16},
                                                                       {"UInt32", PixelType::u32},
                                                                       {"Int32", PixelType::i32},
                                                                       {"Float32", PixelType::f32},
                                                                       {"Float64", PixelType::f64}}};

/// Calls `act` with a value of the C++ type.
template <class F>
auto with_type(PixelType type, F act) {
  switch (type) {
    case PixelType::u8: return act(std::uint8_t{});
    case PixelType::u16: return act(std::uint16_t{});
    case PixelType::i16: return act(std::int16_t{});
    case PixelType::u32: return act(std::uint32_t{});
    case PixelType::i32: return act(std::int32_t{});
    case PixelType::f32: return act(float{});
    case PixelType::f64: return act(double{});
  }
  return act(double{});
}

/// Says of a pixel which of its bands have a value.
template <class T>
class Validity {
 public:
  explicit Validity(const PixelRules& rules) : alpha_(rules.alpha) {
    if (!rules.nodata || !is_value_of(rules.type, *rules.nodata)) return;
    constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
    const auto value = *rules.nodata;
    nodata_ = static_cast<T>(
        std::isfinite(value) ? std::clamp(value, static_cast<double>(std::numeric_limits<T>::lowest()), most) : value);
  }
  bool operator()(const T* pixel, std::size_t band) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(pixel[band])) return false;
    }
    if (nodata_ && pixel[band] == *nodata_) return false;
    return !alpha_ || band == *alpha_ || pixel[*alpha_] != T{0};
  }
  T none() const { return nodata_.value_or(T{0}); }

 private:
  std::optional<T> nodata_ = {};
  std::optional<std::size_t> alpha_;
};

/// Of one row of one band. Sums are of the differences from its first value, so that large values close to each other
/// do not lose their differences.
template <class T>
BandStatistics of_row(const Validity<T>& is_valid, const T* row, std::size_t width, std::size_t bands,
                      std::size_t band) {
  std::uint64_t count = 0;
  double first = 0;
  double sum = 0;
  double squares = 0;
  T least{};
  T greatest{};
  for (std::size_t x = 0; x < width; ++x) {
    const T* pixel = row + x * bands;
    if (!is_valid(pixel, band)) continue;
    const T value = pixel[band];
    if (count++ == 0) {
      first = static_cast<double>(value);
      least = greatest = value;
    }
    const double difference = static_cast<double>(value) - first;
    sum += difference;
    squares += difference * difference;
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  if (count == 0) return {};
  const double n = static_cast<double>(count);
  return {.count = count,
          .least = static_cast<double>(least),
          .greatest = static_cast<double>(greatest),
          .mean = first + sum / n,
          .squares = std::max(0.0, squares - sum * sum / n)};
}

template <class T>
T rounded(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    return static_cast<T>(std::floor(value + 0.5));
  }
}

template <class T>
void average_pixel(const Validity<T>& is_valid, const std::array<const T*, 4>& from, std::size_t bands, T* to) {
  for (std::size_t band = 0; band < bands; ++band) {
    double sum = 0;
    unsigned count = 0;
    for (const T* pixel : from) {
      if (!pixel || !is_valid(pixel, band)) continue;
      sum += static_cast<double>(pixel[band]);
      ++count;
    }
    to[band] = count > 0 ? rounded<T>(sum / count) : is_valid.none();
  }
}

template <class T>
void halve_as(const PixelRules& rules, Halving how, const T* from, std::size_t width, std::size_t height, T* to) {
  const Validity<T> is_valid(rules);
  const auto bands = rules.bands;
  for (std::size_t y = 0; y < height; y += 2) {
    const T* upper = from + y * width * bands;
    const T* lower = y + 1 < height ? upper + width * bands : nullptr;
    for (std::size_t x = 0; x < width; x += 2, to += bands) {
      const T* here = upper + x * bands;
      if (how == Halving::nearest) {
        std::copy_n(here, bands, to);
        continue;
      }
      const bool has_right = x + 1 < width;
      const T* below = lower ? lower + x * bands : nullptr;
      average_pixel<T>(is_valid,
                       {here, has_right ? here + bands : nullptr, below, below && has_right ? below + bands : nullptr},
                       bands, to);
    }
  }
}

}  // namespace

std::optional<PixelType> pixel_type_from(std::string_view gdal_name) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& row) { return row.first == gdal_name; });
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

std::size_t size_of(PixelType type) {
  return with_type(type, [](auto value) { return sizeof value; });
}

bool is_value_of(PixelType type, double value) {
  return with_type(type, [value](auto sample) {
    using T = decltype(sample);
    if constexpr (std::is_floating_point_v<T>) {
      // Files say the greatest float with fewer digits than it has.
      constexpr double a_little_more = 1 + 1e-7;
      return !std::isfinite(value) ||
             std::abs(value) / a_little_more <= static_cast<double>(std::numeric_limits<T>::max());
    } else {
      return value == std::floor(value) && value >= static_cast<double>(std::numeric_limits<T>::min()) &&
             value <= static_cast<double>(std::numeric_limits<T>::max());
    }
  });
}

void BandStatistics::merge(const BandStatistics& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const double n = static_cast<double>(count);
  const double m = static_cast<double>(other.count);
  const double difference = other.mean - mean;
  mean += difference * m / (n + m);
  squares += other.squares + difference * difference * n * m / (n + m);
  count += other.count;
  least = std::min(least, other.least);
  greatest = std::max(greatest, other.greatest);
}

void add_statistics(const PixelRules& rules, const std::byte* pixels, std::size_t width, std::size_t height,
                    std::vector<BandStatistics>& bands) {
  with_type(rules.type, [&](auto sample) {
    using T = decltype(sample);
    const Validity<T> is_valid(rules);
    for (std::size_t y = 0; y < height; ++y) {
      const T* row = reinterpret_cast<const T*>(pixels) + y * width * rules.bands;
      for (std::size_t band = 0; band < rules.bands; ++band) {
        bands[band].merge(of_row(is_valid, row, width, rules.bands, band));
      }
    }
  });
}

void halve(const PixelRules& rules, Halving how, const std::byte* from, std::size_t width, std::size_t height,
           std::byte* to) {
  with_type(rules.type, [&](auto sample) {
    using T = decltype(sample);
    halve_as(rules, how, reinterpret_cast<const T*>(from), width, height, reinterpret_cast<T*>(to));
  });
}

void cut_block(std::size_t pixel_bytes, const std::byte* from, std::size_t width, std::size_t height, std::size_t x,
               std::size_t y, std::size_t size, std::byte* to) {
  const auto columns = std::min(size, width - x);
  const auto rows = std::min(size, height - y);
  const auto row_bytes = size * pixel_bytes;
  for (std::size_t row = 0; row < rows; ++row) {
    auto* line = to + row * row_bytes;
    std::memcpy(line, from + ((y + row) * width + x) * pixel_bytes, columns * pixel_bytes);
    for (auto column = columns; column < size; ++column) {
      std::memcpy(line + column * pixel_bytes, line + (columns - 1) * pixel_bytes, pixel_bytes);
    }
  }
  for (auto row = rows; row < size; ++row) std::memcpy(to + row * row_bytes, to + (rows - 1) * row_bytes, row_bytes);
}

}  // namespace coremachine::builtin
