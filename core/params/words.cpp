#include "core/params/words.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <boost/json/array.hpp>

#include "core/model/json_text.hpp"
#include "core/model/json_writer.hpp"
#include "core/model/utf8.hpp"
#include "core/params/pattern.hpp"

namespace coremachine::params {

namespace {

constexpr std::size_t longest_value = 60;  ///< bytes
constexpr std::size_t most_allowed = 20;

/// Writes until there is enough to be cut.
class Excerpt {
 public:
  std::string of(const json::value& value) {
    write(value);
    if (text_.size() <= longest_value) return std::move(text_);
    auto end = longest_value;
    while (end > 0 && (static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80U) --end;  // not inside of a character
    text_.resize(end);
    return text_ + "…";
  }

 private:
  bool full() const { return text_.size() > longest_value; }

  void write(const json::value& value) {
    if (const auto* text = value.if_string()) return write(view_of(*text));
    if (const auto* array = value.if_array()) return write(*array);
    if (const auto* object = value.if_object()) return write(*object);
    if (const auto* number = value.if_double(); number && !std::isfinite(*number)) {
      text_.append(std::isnan(*number) ? "NaN" : *number > 0 ? "Infinity" : "-Infinity");
      return;
    }
    append_json(text_, value);
  }
  void write(std::string_view text) { append_json_string(text_, text.substr(0, longest_value + 1)); }
  void write(const json::array& array) {
    text_.push_back('[');
    bool first = true;
    for (const auto& item : array) {
      if (full()) return;
      if (!std::exchange(first, false)) text_.push_back(',');
      write(item);
    }
    text_.push_back(']');
  }
  void write(const json::object& object) {
    text_.push_back('{');
    bool first = true;
    for (const auto& member : object) {
      if (full()) return;
      if (!std::exchange(first, false)) text_.push_back(',');
      write(view_of(member.key()));
      text_.push_back(':');
      write(member.value());
    }
    text_.push_back('}');
  }

  std::string text_ = {};
};

/// A limit as a person would write it: 1 and not 1.0.
std::string limit_in_words(const json::value& limit) {
  std::string text;
  append_json(text, limit);
  if (limit.is_double() && text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

/// The ends of 64 bits go without saying, but not to someone who is beyond them.
std::string limits_in_words(const Shape& shape, const json::value* value) {
  constexpr double beyond = 9223372036854775808.0;
  const bool is_beyond = value && value->is_number() && std::abs(value->to_number<double>()) >= beyond;
  const bool has_least = !shape.lowest.is_null() && (is_beyond || shape.lowest != INT64_MIN);
  const bool has_most =
      !shape.highest.is_null() && (is_beyond || (shape.highest != INT64_MAX && shape.highest != UINT64_MAX));
  if (has_least && has_most) {
    return " from " + limit_in_words(shape.lowest) + " to " + limit_in_words(shape.highest);
  }
  if (has_least) return " of at least " + limit_in_words(shape.lowest);
  if (has_most) return " of at most " + limit_in_words(shape.highest);
  return "";
}

std::string sizes_in_words(const Shape& shape, const std::string& unit) {
  const auto units = [&](std::size_t n) { return std::to_string(n) + " " + unit + (n == 1 ? "" : "s"); };
  const bool has_most = shape.most != Shape::no_limit;
  if (shape.fewest == 1 && !has_most) return " that is not empty";
  if (shape.fewest > 0 && shape.fewest == shape.most) return " of " + units(shape.most);
  if (shape.fewest > 0 && has_most) return " of " + std::to_string(shape.fewest) + " to " + units(shape.most);
  if (shape.fewest > 0) return " of at least " + units(shape.fewest);
  if (has_most) return " of at most " + units(shape.most);
  return "";
}

std::string allowed_in_words(const std::vector<json::value>& allowed) {
  std::string text = allowed.size() == 1 ? "" : "one of ";
  for (std::size_t i = 0; i < std::min(allowed.size(), most_allowed); ++i) {
    if (i > 0) text.append(", ");
    text.append(allowed[i].is_double() ? limit_in_words(allowed[i]) : shortened(allowed[i]));
  }
  return allowed.size() > most_allowed ? text.append(", …") : text;
}

std::string kind_in_words(const Shape& shape, const json::value* value) {
  switch (shape.kind) {
    case Shape::Kind::any: return shape.checks.empty() || shape.checks[0].due.empty() ? "a value" : shape.checks[0].due;
    case Shape::Kind::boolean: return "true or false";
    case Shape::Kind::integer: return "an integer" + limits_in_words(shape, value);
    case Shape::Kind::number: return "a finite number" + limits_in_words(shape, value);
    case Shape::Kind::text: {
      auto text = "a string" + sizes_in_words(shape, "character");
      return shape.pattern ? text + " that matches " + shape.pattern->expression() : text;
    }
    case Shape::Kind::name: return "a string";
    case Shape::Kind::list: return "an array" + sizes_in_words(shape, "item");
    case Shape::Kind::any_object:
    case Shape::Kind::record: return "an object";
    case Shape::Kind::map: return "an object" + sizes_in_words(shape, "member");
  }
  return "?";
}

}  // namespace

std::string shortened(const json::value& value) {
  return Excerpt().of(value);
}

std::string in_words(const Shape& shape, const json::value* value) {
  const auto text = shape.allowed.empty() ? kind_in_words(shape, value) : allowed_in_words(shape.allowed);
  return shape.nullable ? text + " or null" : text;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace coremachine::params
