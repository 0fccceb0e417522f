#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/string.hpp>

#include "core/model/exact_number.hpp"
#include "core/model/json_depth.hpp"
#include "core/model/json_text.hpp"
#include "core/model/utf8.hpp"
#include "core/model/value_parser.hpp"

namespace coremachine {

namespace {

/// Builds the value and sees what a finished value no longer shows: keys that came twice, numbers as they were written.
class Builder {
 public:
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  explicit Builder(std::vector<ParamFault>* beyond) : beyond_(beyond) {}

  json::value take() { return std::move(root_); }
  const std::string& fault() const { return fault_; }

  /// Where the value is that is being read.
  std::string pointer() const {
    std::string text = "#";
    for (std::size_t level = 0; level < depth_; ++level) {
      const auto& frame = frames_[level];
      if (const auto* array = frame.container.if_array()) {
        text.append("/").append(std::to_string(array->size()));
      } else if (frame.has_key) {
        text.push_back('/');
        for (const char c : frame.key) {
          if (c == '~') {
            text.append("~0");
          } else if (c == '/') {
            text.append("~1");
          } else {
            text.push_back(c);
          }
        }
      }
    }
    return text;
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open(json::object()); }
  bool on_array_begin(json::error_code&) { return open(json::array()); }
  bool on_object_end(std::size_t, json::error_code&) { return close(); }
  bool on_array_end(std::size_t, json::error_code&) { return close(); }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    top().key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t size, json::error_code& ec) {
    on_key_part(part, size, ec);
    auto& frame = top();
    frame.has_key = true;
    if (frame.container.get_object().contains(frame.key)) return refuse_twice(ec);
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    string_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    if (string_.empty()) return add(json::string(part));
    string_.append(part.data(), part.size());
    json::string whole(string_);
    string_.clear();
    return add(std::move(whole));
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) { return add(number); }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code& ec) {
    if (!note_beyond(ec)) return false;
    return add(number);
  }
  bool on_double(double approximate, json::string_view literal, json::error_code& ec) {
    const std::string_view text(literal.data(), literal.size());
    const bool is_beyond = text.find_first_of(".eE") == std::string_view::npos;
    if (is_beyond && !note_beyond(ec)) return false;
    auto number = exact_number(text, approximate);
    if (!std::isfinite(number) && !is_beyond) return refuse(ec, "the number is too large to be finite");
    if (is_beyond)
      number = std::clamp(number, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
    return add(number);
  }
  bool on_bool(bool value, json::error_code&) { return add(value); }
  bool on_null(json::error_code&) { return add(nullptr); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  struct Frame {
    json::value container = {};
    std::string key = {};
    bool has_key = false;
  };

  Frame& top() { return frames_[depth_ - 1]; }

  template <class Container>
  bool open(Container container) {
    if (frames_.size() == depth_) frames_.emplace_back();
    auto& frame = frames_[depth_++];
    frame.container = std::move(container);
    frame.key.clear();
    frame.has_key = false;
    return true;
  }
  bool close() {
    json::value done = std::move(top().container);
    --depth_;
    return add(std::move(done));
  }

  template <class T>
  bool add(T&& value) {
    if (depth_ == 0) {
      root_ = std::forward<T>(value);
    } else if (auto& frame = top(); frame.has_key) {
      frame.container.get_object().emplace(frame.key, std::forward<T>(value));
      frame.has_key = false;
      frame.key.clear();
    } else {
      frame.container.get_array().emplace_back(std::forward<T>(value));
    }
    return true;
  }

  /// An integer does not fit 64 bits with sign: noted where somebody asks for it, refused otherwise.
  bool note_beyond(json::error_code& ec) {
    constexpr std::size_t most_noted = 100;
    if (!beyond_) return refuse(ec, "the integer does not fit 64 bits with sign");
    if (beyond_->size() < most_noted)
      beyond_->push_back({pointer().substr(1), "is an integer that does not fit 64 bits with sign"});
    return true;
  }
  bool refuse_twice(json::error_code& ec) {
    return refuse(ec, "the key \"" + top().key + "\" comes twice in one object");
  }
  bool refuse(json::error_code& ec, std::string why) {
    fault_ = std::move(why);
    ec = json::error::syntax;
    return false;
  }

  std::vector<ParamFault>* beyond_;
  json::value root_ = nullptr;
  std::vector<Frame> frames_ = {};
  std::size_t depth_ = 0;
  std::string string_ = {};
  std::string fault_ = {};
};

std::string place_of(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(before.size() - line_start + 1);
}

/// Whether an escaped leading surrogate ends at `offset`: the parser calls what follows it a syntax error.
bool is_after_surrogate(std::string_view text, std::size_t offset) {
  constexpr std::size_t escape_size = 6;  // backslash, u, four digits
  if (offset < escape_size || offset > text.size()) return false;
  const auto escape = text.substr(offset - escape_size, escape_size);
  return escape.starts_with("\\u") && (escape[2] == 'd' || escape[2] == 'D') &&
         std::string_view("89abAB").find(escape[3]) != std::string_view::npos;
}

std::string in_words(json::error_code ec, std::string_view text, std::size_t offset) {
  if (ec == json::error::extra_data) return "something follows the JSON value";
  if (ec == json::error::incomplete) return "the text ends inside the JSON value";
  if (ec == json::error::too_deep) {
    return "objects and arrays nest deeper than " + std::to_string(max_parsed_depth) + " levels";
  }
  if (ec == json::error::exponent_overflow) return "the exponent of the number is too large";
  if (ec == json::error::illegal_leading_surrogate || ec == json::error::illegal_trailing_surrogate ||
      ec == json::error::expected_utf16_escape || is_after_surrogate(text, offset)) {
    return "half of a surrogate pair stands alone";
  }
  if (ec == json::error::expected_hex_digit) return "\\u needs four hexadecimal digits";
  return "this is not JSON";
}

Error refusal(std::string message) {
  return Error{ErrorCode::invalid_argument, std::move(message)};
}

/// Numbers whose exponent is larger than the parser counts, and that are zero all the same, get a smaller one of the
/// same length; nothing if there are none.
std::optional<std::string> with_smaller_exponents(std::string_view text) {
  constexpr std::string_view number = "+-.0123456789Ee";
  constexpr std::size_t least_exponent = 400;
  std::optional<std::string> changed;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
      ++at;
      continue;
    }
    const auto end = std::min(text.find_first_not_of(number, at), text.size());
    const auto token = text.substr(at, end - at);
    at = std::max(end, at + 1);
    const auto mark = token.find_first_of("eE");
    if (mark == std::string_view::npos) continue;
    const auto digits = token.substr(std::min(token.find_first_not_of("+-", mark + 1), token.size()));
    const auto counted = digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
    const bool is_long = counted.size() > 9 && counted.find_first_not_of("0123456789") == std::string_view::npos;
    const bool is_zero = token.substr(0, mark).find_first_of("123456789") == std::string_view::npos;
    if (!is_long || !(is_zero || token[mark + 1] == '-')) continue;
    if (!changed) changed.emplace(text);
    // An exponent that no mantissa of this length makes up for, or none.
    const auto exponent = token[mark + 1] == '-' ? std::to_string(least_exponent + mark) : std::string();
    const auto from = static_cast<std::size_t>(digits.data() - text.data());
    changed->replace(from, digits.size(), std::string(digits.size() - exponent.size(), '0') + exponent);
  }
  return changed;
}

Result<json::value> parse(std::string_view text, std::size_t max_depth, std::vector<ParamFault>* beyond) {
  const auto noted = beyond ? static_cast<std::ptrdiff_t>(beyond->size()) : 0;
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<Builder> parser(options, beyond);
  json::error_code ec;
  const auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size()) ec = json::error::extra_data;
  if (!ec) return parser.handler().take();
  if (ec == json::error::exponent_overflow) {
    if (beyond) beyond->erase(beyond->begin() + noted, beyond->end());
    if (const auto plain = with_smaller_exponents(text)) return parse(*plain, max_depth, beyond);
  }
  const auto& builder = parser.handler();
  auto message = place_of(text, used) + ": " + (builder.fault().empty() ? in_words(ec, text, used) : builder.fault());
  if (const auto pointer = builder.pointer(); pointer != "#") message += " (at " + pointer + ")";
  return refusal(std::move(message));
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

namespace {

Result<json::value> parse_outside(std::string_view text, std::vector<ParamFault>* beyond, std::size_t max_depth) {
  if (std::all_of(text.begin(), text.end(), is_space)) return refusal("the text is empty where JSON is due");
  if (text.starts_with("\xEF\xBB\xBF")) return refusal("the text begins with a byte order mark, which JSON has not");
  if (const auto at = find_invalid_utf8(text); at != std::string_view::npos) {
    return refusal(place_of(text, at) + ": the text is not valid UTF-8");
  }
  return parse(text, max_depth, beyond);
}

}  // namespace

Result<json::value> parse_strict(std::string_view text) {
  return parse_outside(text, nullptr, max_parsed_depth);
}

Result<json::value> parse_strict(std::string_view text, std::vector<ParamFault>& beyond) {
  return parse_outside(text, &beyond, max_parsed_depth);
}

Result<json::value> parse_strict_to(std::size_t max_depth, std::string_view text, std::vector<ParamFault>& beyond) {
  return parse_outside(text, &beyond, max_depth);
}

json::value parse_stored(std::string_view text) {
  json::error_code fault;
  auto value = parse_value(text, fault);
  if (fault) throw Failure(Error{ErrorCode::store_damaged, "stored JSON cannot be read: " + fault.message()});
  return value;
}

}  // namespace coremachine
