#include "core/model/json_reader.hpp"

#include "core/model/value_parser.hpp"

namespace coremachine {
namespace {

constexpr bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool is_word(std::string_view token) {
  return token == "true" || token == "false" || token == "null";
}
constexpr std::string_view number_chars = "+-.0123456789Ee";
constexpr bool ends_scalar(char c) {
  return is_space(c) || c == ',' || c == ':' || c == ']' || c == '}' || c == '"';
}

}  // namespace

void JsonReader::mismatch(const std::string& what) const {
  throw JsonMismatch(what + " at byte " + std::to_string(at_) + " of " + std::to_string(text_.size()));
}

char JsonReader::peek() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  if (at_ == text_.size()) mismatch("the text ends too early");
  return text_[at_];
}

void JsonReader::expect(char c) {
  if (!accept(c)) mismatch(std::string("there is no '") + c + "'");
}

bool JsonReader::accept(char c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

bool JsonReader::next_or_end(char closing) {
  if (accept(',')) return true;
  expect(closing);
  return false;
}

void JsonReader::end() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  if (at_ != text_.size()) mismatch("something follows the end");
}

std::string_view JsonReader::scalar() {
  peek();
  const auto begin = at_;
  while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
  if (at_ == begin) mismatch("there is no number or word");
  return text_.substr(begin, at_ - begin);
}

std::string_view JsonReader::quoted() {
  expect('"');
  const auto begin = at_ - 1;
  for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
    if (static_cast<unsigned char>(text_[at_]) < 0x20) mismatch("a control character is in a string");
    if (text_[at_] == '\\') ++at_;
  }
  if (at_ >= text_.size()) mismatch("a string does not end");
  ++at_;
  return text_.substr(begin, at_ - begin);
}

std::string_view JsonReader::plain_string() {
  const auto text = quoted();
  if (text.find('\\') != std::string_view::npos) mismatch("an escape is where none belongs");
  return text.substr(1, text.size() - 2);
}

std::string JsonReader::string() {
  const auto text = quoted();
  boost::system::error_code bad;
  const auto value = parse_value(text, bad);
  if (bad) mismatch("a string is malformed");
  return std::string(value.as_string());
}

bool JsonReader::at_string() {
  return peek() == '"';
}

double JsonReader::real() {
  const auto text = at_string() ? plain_string() : scalar();
  double value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) mismatch("a number is malformed");
  return value;
}

bool JsonReader::boolean() {
  const auto text = scalar();
  if (text != "true" && text != "false") mismatch("there is no true or false");
  return text == "true";
}

std::string_view JsonReader::raw() {
  peek();
  const auto begin = at_;
  std::string open;  // the brackets that are still to be closed
  do {
    switch (peek()) {
      case '{': open += '}', ++at_; break;
      case '[': open += ']', ++at_; break;
      case '}':
      case ']':
        if (open.empty() || open.back() != text_[at_]) mismatch("brackets do not match");
        open.pop_back();
        ++at_;
        break;
      case '"': quoted(); break;
      case ',':
      case ':':
        if (open.empty()) mismatch("there is no value");
        ++at_;
        break;
      default: {
        const auto token = scalar();
        if (!is_word(token) && token.find_first_not_of(number_chars) != std::string_view::npos) {
          mismatch("there is no number or word");
        }
      }
    }
  } while (!open.empty());
  return text_.substr(begin, at_ - begin);
}

}  // namespace coremachine
