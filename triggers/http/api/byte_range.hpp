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

/// Whether a field If-None-Match names this entity tag: `*`, or a list with it, weak or not.
bool names_tag(std::string_view field, std::string_view tag);

}  // namespace coremachine::http
