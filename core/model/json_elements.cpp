#include "core/model/json_text.hpp"

namespace coremachine {

namespace {

/// Reads an array's text without making values of it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  char current() const { return text_[at_]; }
  std::size_t position() const { return at_; }
  void advance() { ++at_; }

  void skip_space() {
    while (!at_end() && (current() == ' ' || current() == '\n' || current() == '\r' || current() == '\t')) ++at_;
  }

  /// Past the value that begins here; false if the text ends first.
  bool skip_value() {
    switch (current()) {
      case '"': return skip_string();
      case '{':
      case '[': return skip_nested();
      default: break;
    }
    const auto end = text_.find_first_of(",] \n\r\t", at_);
    at_ = end;
    return end != std::string_view::npos;
  }

 private:
  bool skip_string() {
    for (++at_; !at_end(); ++at_) {
      if (current() == '"') {
        ++at_;
        return true;
      }
      if (current() == '\\') ++at_;
    }
    return false;
  }

  bool skip_nested() {
    std::size_t depth = 0;
    while (!at_end()) {
      switch (current()) {
        case '"':
          if (!skip_string()) return false;
          continue;
        case '{':
        case '[': ++depth; break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        default: break;
      }
      ++at_;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::uint32_t> element_ends(std::string_view json_array) {
  std::vector<std::uint32_t> ends;
  ends.reserve(json_array.size() / 16);
  Scanner scanner(json_array);
  scanner.skip_space();
  if (scanner.at_end() || scanner.current() != '[') return ends;
  scanner.advance();
  scanner.skip_space();
  while (!scanner.at_end() && scanner.current() != ']') {
    if (!scanner.skip_value()) break;
    ends.push_back(static_cast<std::uint32_t>(scanner.position()));
    scanner.skip_space();
    if (!scanner.at_end() && scanner.current() == ',') scanner.advance();
    scanner.skip_space();
  }
  return ends;
}

}  // namespace coremachine
