#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include <coremachine/model/time.hpp>

namespace coremachine {

/// Appends `text` as a JSON string. What is not UTF-8 becomes U+FFFD, so that the outcome is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

/// Appends JSON to a string as it is called, without a tree in between. Commas come by themselves.
class JsonWriter {
 public:
  /// `out` is empty, or ends where a value may begin; it must outlive the writer.
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { out_ += '}'; }
  void begin_array() { open('['); }
  void end_array() { out_ += ']'; }

  /// Names and words are taken as they are: identifiers, nothing to escape.
  void key(std::string_view name) { quoted(name, "\":"); }
  /// One that is known when this is compiled, as most are: all of it is appended in one piece.
  template <std::size_t Size>
  void key(const char (&name)[Size]) {
    char piece[Size + 3] = {',', '"'};
    std::copy(name, name + Size - 1, piece + 2);
    piece[Size + 1] = '"';
    piece[Size + 2] = ':';
    append(needs_comma() ? piece : piece + 1, piece + sizeof piece);
  }
  void word(std::string_view name) { quoted(name, "\""); }
  void string(std::string_view text) {
    separate();
    append_json_string(out_, text);
  }
  /// Text that is JSON already.
  void raw(std::string_view json) {
    separate();
    out_ += json;
  }
  void boolean(bool value) { raw(value ? "true" : "false"); }

  template <std::integral Number>
  requires(!std::same_as<Number, bool>) void number(Number value) {
    char digits[24] = {','};
    char* const begin = digits + 1;
    append(needs_comma() ? digits : begin, std::to_chars(begin, digits + sizeof digits, value).ptr);
  }
  /// The shortest text that reads back as the same number; JSON has no infinities, they go into quotes.
  void number(double value) {
    separate();
    char digits[32];
    const std::string_view text(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    const std::string_view quote = std::isfinite(value) ? "" : "\"";
    out_.append(quote).append(text).append(quote);
  }
  void number(Milliseconds value) { number(value.count()); }
  void number(Timestamp value) { number(value.time_since_epoch().count()); }

  template <class Numbers>
  void numbers(const Numbers& values) {
    begin_array();
    for (const auto value : values) number(value);
    end_array();
  }

  // Members that are left out when they say nothing.
  template <class Number>
  void member(std::string_view name, Number value, Number unless) {
    if (value == unless) return;
    key(name);
    number(value);
  }
  template <class Numbers>
  void numbers_member(std::string_view name, const Numbers& values) {
    if (values.empty()) return;
    key(name);
    numbers(values);
  }
  template <class Optional>
  void optional_member(std::string_view name, const Optional& value) {
    if (!value) return;
    key(name);
    number(*value);
  }
  void flag(std::string_view name, bool value) {
    if (!value) return;
    key(name);
    boolean(true);
  }

 private:
  bool needs_comma() const {
    if (out_.empty()) return false;
    const char last = out_.back();
    return last != '{' && last != '[' && last != ':';
  }
  void separate() {
    if (needs_comma()) out_ += ',';
  }
  void append(const char* begin, const char* end) { out_.append(begin, static_cast<std::size_t>(end - begin)); }
  /// Appended in one piece if it is short, as most are.
  void quoted(std::string_view name, std::string_view end) {
    std::array<char, 48> piece;
    if (name.size() + 2 + end.size() > piece.size()) {
      separate();
      out_.append(1, '"').append(name).append(end);
      return;
    }
    auto* at = piece.data();
    if (needs_comma()) *at++ = ',';
    *at++ = '"';
    at = std::copy(name.begin(), name.end(), at);
    at = std::copy(end.begin(), end.end(), at);
    append(piece.data(), at);
  }
  void open(char bracket) {
    separate();
    out_ += bracket;
  }

  std::string& out_;
};

}  // namespace coremachine
