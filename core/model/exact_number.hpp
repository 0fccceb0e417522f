#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace coremachine {

/// The number that a JSON parser read as `approximate`: its own conversion may be off by a unit in the last place, and
/// text that was written from a number has to come back as that number.
inline double exact_number(std::string_view literal, double approximate) {
  double number = 0;
  const auto read = std::from_chars(literal.data(), literal.data() + literal.size(), number);
  return read.ec == std::errc{} ? number : approximate;  // too large, or too small
}

}  // namespace coremachine
