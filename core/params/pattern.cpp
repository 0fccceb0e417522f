#include "core/params/pattern.hpp"

#include <stdexcept>

#include <boost/regex.hpp>

#include <coremachine/params/shape.hpp>

#include "core/model/utf8.hpp"

namespace coremachine::params {

namespace {

static_assert(sizeof(wchar_t) == 4, "one wchar_t holds any code point");

/// What is not UTF-8 becomes U+FFFD.
std::wstring decode(std::string_view text) {
  constexpr unsigned lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  std::wstring points;
  points.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    auto point = length == 0 ? 0xFFFDU : static_cast<unsigned char>(text[at]) & lead_bits[length];
    for (std::size_t i = 1; i < length; ++i) point = point << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    points.push_back(static_cast<wchar_t>(point));
    at += length == 0 ? 1 : length;
  }
  return points;
}

}  // namespace

struct Pattern::Compiled {
  boost::wregex regex;
};

Pattern::Pattern(std::string_view expression)
    : expression_(expression),
      compiled_(std::make_unique<Compiled>(Compiled{boost::wregex(decode(expression), boost::wregex::ECMAScript)})) {}
Pattern::~Pattern() = default;

bool Pattern::is_found_in(std::string_view text) const {
  try {
    // As in ECMAScript `.` is no line break, and ^ and $ are the ends of the text and not of a line.
    const auto flags = boost::match_not_dot_newline | boost::match_single_line | boost::match_any;
    return boost::regex_search(decode(text), compiled_->regex, flags);
  } catch (const std::runtime_error&) {
    return false;  // too complex
  }
}

std::shared_ptr<const Pattern> make_pattern(std::string_view expression) {
  try {
    return std::make_shared<const Pattern>(expression);
  } catch (const boost::regex_error& error) {
    throw Failure(Error{ErrorCode::invalid_argument,
                        "the pattern " + std::string(expression) + " is no regular expression: " + error.what()});
  }
}

}  // namespace coremachine::params
