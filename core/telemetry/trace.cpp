#include <coremachine/telemetry/trace.hpp>

#include <algorithm>

namespace coremachine {
namespace {

constexpr std::size_t length_00 = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2
constexpr std::uint8_t sampled_flag = 1;

/// Lower case alone, as the specification asks; −1 for anything else.
int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

template <std::size_t Size>
bool read_hex(std::string_view text, std::array<std::uint8_t, Size>& bytes) {
  for (std::size_t i = 0; i < Size; ++i) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

template <std::size_t Size>
void append_hex(std::string& out, const std::array<std::uint8_t, Size>& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto byte : bytes) out += {digits[byte >> 4U], digits[byte & 15U]};
}

template <std::size_t Size>
bool is_zero(const std::array<std::uint8_t, Size>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
}

}  // namespace

std::optional<TraceParent> TraceParent::parse(std::string_view header) {
  if (header.size() < length_00) return std::nullopt;
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceParent trace;
  if (!read_hex(header, version) || !read_hex(header.substr(3), trace.trace_id) ||
      !read_hex(header.substr(36), trace.parent_id) || !read_hex(header.substr(53), flags))
    return std::nullopt;
  if (version[0] == 0xff || is_zero(trace.trace_id) || is_zero(trace.parent_id)) return std::nullopt;
  // Later versions may go on, after another dash.
  if (header.size() > length_00 && (version[0] == 0 || header[length_00] != '-')) return std::nullopt;
  trace.sampled = (flags[0] & sampled_flag) != 0;
  return trace;
}

std::string TraceParent::str() const {
  std::string text = "00-";
  append_hex(text, trace_id);
  text += '-';
  append_hex(text, parent_id);
  text += sampled ? "-01" : "-00";
  return text;
}

}  // namespace coremachine
