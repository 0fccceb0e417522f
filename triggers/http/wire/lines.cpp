#include "triggers/http/wire/lines.hpp"

#include <algorithm>

#include <boost/assert.hpp>

#include "triggers/http/wire/characters.hpp"

namespace coremachine::http {

LineEnd find_line(std::string_view bytes, std::size_t window, std::size_t& scanned, std::size_t& size) {
  const auto seen = bytes.substr(0, window);
  const auto line_feed = seen.find('\n', scanned);
  const auto before = seen.substr(0, line_feed);
  // The last byte of what was scanned may be a CR of which it was not known what follows.
  const auto cr = before.find('\r', scanned > 0 ? scanned - 1 : 0);
  if (cr != std::string_view::npos && cr + 1 < before.size()) return LineEnd::bare_cr;
  if (line_feed != std::string_view::npos) {
    if (cr == std::string_view::npos) return LineEnd::bare_lf;
    scanned = 0;
    size = cr;
    return LineEnd::found;
  }
  if (seen.size() == window) return LineEnd::too_long;
  scanned = seen.size();
  return LineEnd::not_yet;
}

std::string_view fault_of(LineEnd end) {
  switch (end) {
    case LineEnd::bare_cr: return "a CR stands without an LF after it; lines end in CRLF";
    case LineEnd::bare_lf: return "an LF stands without a CR before it; lines end in CRLF";
    case LineEnd::too_long: return "a line is too long";
    case LineEnd::found:
    case LineEnd::not_yet: break;
  }
  BOOST_ASSERT_MSG(false, "there is no fault");
  return {};
}

std::string shown(char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (byte > ' ' && byte < 0x7F) return std::string("'") + byte + "'";
  const auto number = static_cast<unsigned char>(byte);
  return std::string("the byte 0x") + digits[number >> 4U] + digits[number & 15U];
}

std::optional<std::string> read_field(std::string_view line, Field& field) {
  if (is_blank(line.front())) return "a header line begins with white space: folded lines are not taken";
  const auto end = std::find_if_not(line.begin(), line.end(), is_token_char);
  const auto size = static_cast<std::size_t>(end - line.begin());
  if (end == line.end()) return "a header line has no colon";
  if (size == 0 && *end == ':') return "a header line has no name before its colon";
  if (is_blank(*end)) return "white space stands before the colon of a header line";
  if (*end != ':') return "the name of a header field has " + shown(*end) + " in it";
  const auto value = trimmed(line.substr(size + 1));
  const auto bad = std::find_if_not(value.begin(), value.end(), is_text_char);
  field.name.resize(size);
  std::transform(line.begin(), end, field.name.begin(), lower);
  if (bad != value.end()) return "the value of the field " + field.name + " has " + shown(*bad) + " in it";
  field.value = value;
  return std::nullopt;
}

}  // namespace coremachine::http
