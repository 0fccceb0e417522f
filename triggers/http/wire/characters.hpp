#pragma once

#include <array>
#include <string_view>

namespace coremachine::http {

/// What a byte may be part of (RFC 9110, 5.5 and 5.6.2).
namespace kinds {
inline constexpr unsigned char token = 1;   // of names of fields, methods, codings
inline constexpr unsigned char text = 2;    // of the value of a field
inline constexpr unsigned char target = 4;  // of a request target

inline constexpr auto table = [] {
  std::array<unsigned char, 256> bits{};
  for (unsigned c = 0; c < bits.size(); ++c) {
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool mark = std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    if (letter_or_digit || (mark && c < 0x80)) bits[c] |= token;
    if (c == '\t' || (c >= ' ' && c != 0x7F)) bits[c] |= text;
    // Browsers and curl leave more as it is than RFC 3986 allows, so all that prints may come, but for the fragment,
    // which never belongs into a request.
    if (c > ' ' && c < 0x7F && c != '#') bits[c] |= target;
  }
  return bits;
}();
}  // namespace kinds

constexpr bool is_kind(char c, unsigned char kind) {
  return (kinds::table[static_cast<unsigned char>(c)] & kind) != 0;
}
constexpr bool is_token_char(char c) {
  return is_kind(c, kinds::token);
}
constexpr bool is_text_char(char c) {
  return is_kind(c, kinds::text);
}
constexpr bool is_target_char(char c) {
  return is_kind(c, kinds::target);
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
/// The value of a hexadecimal digit, or -1.
constexpr int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

constexpr bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}
constexpr bool is_text(std::string_view text) {
  for (const char c : text) {
    if (!is_text_char(c)) return false;
  }
  return true;
}
/// Without regard to the case of ASCII letters.
constexpr bool equals_lower(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}
/// Without spaces and tabs around it.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace coremachine::http
