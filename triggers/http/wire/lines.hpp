#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

enum class LineEnd : std::uint8_t {
  found,
  not_yet,
  bare_cr,   ///< a CR that no LF follows
  bare_lf,   ///< an LF without a CR before it
  too_long,  ///< there is no end within the window
};

/// Looks for the CRLF that ends the line at the front of `bytes`; line and CRLF have to fit into `window` bytes.
/// `scanned` is 0 for a new line; it remembers how far earlier calls have looked, so that a line which comes byte by
/// byte is looked at once. If found, `size` is the length of the line without the CRLF, and `scanned` 0 again.
LineEnd find_line(std::string_view bytes, std::size_t window, std::size_t& scanned, std::size_t& size);

/// What is wrong, for `bare_cr` and `bare_lf`.
std::string_view fault_of(LineEnd end);

/// Reads `Name: value` into a field. Returns what is wrong with it; then the field is undefined.
std::optional<std::string> read_field(std::string_view line, Field& field);

/// The byte as it may stand in a message: 'x', or its number.
std::string shown(char byte);

}  // namespace coremachine::http
