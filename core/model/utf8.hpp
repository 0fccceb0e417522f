#pragma once

#include <cstddef>
#include <string_view>

namespace coremachine {

/// The length of the UTF-8 sequence that `text` has at `at`, or 0 if there is no valid one (RFC 3629: no overlong
/// form, no surrogate, nothing beyond U+10FFFF).
constexpr std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
  const auto is_tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(at);
  const unsigned second = byte(at + 1);
  if (at >= text.size()) return 0;
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return is_tail(at + 1) ? 2 : 0;
  if (lead < 0xF0) {
    const bool second_fits = (lead == 0xE0) ? second >= 0xA0 : (lead == 0xED) ? second < 0xA0 : true;
    return second_fits && is_tail(at + 1) && is_tail(at + 2) ? 3 : 0;
  }
  if (lead > 0xF4) return 0;
  const bool second_fits = (lead == 0xF0) ? second >= 0x90 : (lead == 0xF4) ? second < 0x90 : true;
  return second_fits && is_tail(at + 1) && is_tail(at + 2) && is_tail(at + 3) ? 4 : 0;
}

/// Where the first byte is that is not UTF-8, or npos.
constexpr std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

/// How many of the first bytes are whole characters, `most` at most. Of text that is not UTF-8 it may be `most`.
constexpr std::size_t whole_characters(std::string_view text, std::size_t most) {
  constexpr std::size_t longest_tail = 3;
  if (text.size() <= most) return text.size();
  std::size_t end = most;
  while (end > 0 && most - end < longest_tail && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U ? most : end;
}

}  // namespace coremachine
