#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace coremachine::http {

/// Bytes `first` to `first + count − 1`.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};
/// No byte of the content is in the range.
struct Unsatisfiable {
  friend bool operator==(const Unsatisfiable&, const Unsatisfiable&) = default;
};

/// What the field Range asks for, of content of this size. Nothing: it is to be ignored, as RFC 9110 has it for units
/// other than bytes, for what is malformed, and (here) for more than one range.
std::optional<std::variant<ByteRange, Unsatisfiable>> range_of(std::string_view field, std::uint64_t size);

/// Whether a field names this entity tag: `*`, or a list with it. Of those said to be weak, If-None-Match counts them
/// and If-Match does not.
enum class Comparison : std::uint8_t { weak, strong };
bool names_tag(std::string_view field, std::string_view tag, Comparison comparison = Comparison::weak);

}  // namespace coremachine::http
