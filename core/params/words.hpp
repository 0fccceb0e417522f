#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <coremachine/params/shape.hpp>

namespace coremachine::params {

/// JSON on one line, cut where it gets longer than a message bears; always UTF-8. Only what is shown is looked at.
std::string shortened(const json::value& value);

/// What a shape is for people: "an integer from 0 to 100". `value` is what was given in its place, if anything was.
std::string in_words(const Shape& shape, const json::value* value);

std::size_t count_code_points(std::string_view text);

inline std::string_view view_of(const json::string& text) {
  return {text.data(), text.size()};
}
inline std::string_view view_of(json::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace coremachine::params
