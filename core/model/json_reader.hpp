#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <coremachine/model/time.hpp>

#include "core/model/text.hpp"

namespace coremachine {

/// The text is not the JSON that was expected.
struct JsonMismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads what JsonWriter wrote, value by value. Values of authors come back as the very text that they were:
/// a parser would give numbers back that differ in their last bit.
/// Every function throws JsonMismatch where the text is something else.
class JsonReader {
 public:
  /// `text` must outlive the reader and the views that it gives.
  explicit JsonReader(std::string_view text) : text_(text) {}

  /// Calls `take(name)` at the value of each member; it reads that value.
  template <class Take>
  void object(const Take& take) {
    expect('{');
    for (bool more = !accept('}'); more; more = next_or_end('}')) {
      const auto name = plain_string();
      expect(':');
      take(name);
    }
  }
  /// Calls `take()` at each element; it reads that element.
  template <class Take>
  void array(const Take& take) {
    expect('[');
    for (bool more = !accept(']'); more; more = next_or_end(']')) take();
  }

  template <std::integral Number>
  requires(!std::same_as<Number, bool>) Number integer() {
    const auto text = scalar();
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size()) mismatch("a number is out of range");
    return value;
  }
  double real();
  bool boolean();
  std::string string();
  /// A string without escapes.
  std::string_view plain_string();
  /// The next value as it stands there, whatever it is.
  std::string_view raw();
  /// True if a string comes next.
  bool at_string();

  /// Reads the next value into a variable of the type that it should have.
  template <std::integral Number>
  void to(Number& value) {
    value = integer<Number>();
  }
  void to(bool& value) { value = boolean(); }
  void to(double& value) { value = real(); }
  void to(std::string& value) { value = string(); }
  void to(Text& value) { value = make_text(std::string(raw())); }
  void to(Milliseconds& value) { value = Milliseconds{integer<Milliseconds::rep>()}; }
  void to(Timestamp& value) { value = Timestamp{Milliseconds{integer<Milliseconds::rep>()}}; }
  template <class T>
  void to(std::optional<T>& value) {
    to(value.emplace());
  }
  template <class T>
  void to(std::vector<T>& values) {
    values.clear();
    array([&] { to(values.emplace_back()); });
  }

  /// Nothing is left.
  void end();

  [[noreturn]] void mismatch(const std::string& what) const;

 private:
  char peek();
  void expect(char c);
  bool accept(char c);
  bool next_or_end(char closing);
  std::string_view scalar();
  std::string_view quoted();

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace coremachine
