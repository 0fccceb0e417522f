#include "triggers/cli/client/target.hpp"

namespace coremachine::cli {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

}  // namespace

Target::Target(std::initializer_list<std::string_view> segments) {
  for (auto segment : segments) {
    text_ += '/';
    if (segment.starts_with('$')) {
      text_ += '$';
      segment.remove_prefix(1);
    }
    append_escaped(text_, segment);
  }
}

Target& Target::with(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += has_query_ ? '&' : '?';
  has_query_ = true;
  append_escaped(text_, name);
  text_ += '=';
  append_escaped(text_, value);
  return *this;
}

}  // namespace coremachine::cli
