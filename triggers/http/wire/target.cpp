#include "triggers/http/wire/target.hpp"

#include <algorithm>
#include <utility>

#include "core/model/utf8.hpp"
#include "triggers/http/wire/characters.hpp"

namespace coremachine::http {
namespace {

constexpr std::size_t most_parameters = 100;

Error refusal(std::string message) {
  return Error{ErrorCode::invalid_argument, std::move(message)};
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == 0x7F;
}

/// Stands for itself wherever it is.
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/// `where` begins the message: "the path".
Result<std::string> decode(std::string_view text, const char* where, bool plus_is_space) {
  if (std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return refusal(std::string(where) + " has a '%' that two hexadecimal digits should follow, and do not");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (is_control(c)) return refusal(std::string(where) + " has a control character in it");
    decoded.push_back(c);
  }
  if (find_invalid_utf8(decoded) != std::string::npos) return refusal(std::string(where) + " is not valid UTF-8");
  return decoded;
}

/// Calls `take(piece)` for each piece between separators; ends at the first error.
template <class Take>
std::optional<Error> for_each_piece(std::string_view text, char separator, const Take& take) {
  for (;;) {
    const auto end = text.find(separator);
    if (auto error = take(text.substr(0, end))) return error;
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<Query> Query::parse(std::string_view text) {
  Query query;
  const auto error = for_each_piece(text, '&', [&](std::string_view piece) -> std::optional<Error> {
    if (piece.empty()) return std::nullopt;
    if (query.parameters_.size() == most_parameters) {
      return refusal("the query has more than " + std::to_string(most_parameters) + " parameters");
    }
    const auto equals = std::min(piece.find('='), piece.size());
    auto name = decode(piece.substr(0, equals), "the query", true);
    if (!name) return name.error();
    if (name->empty()) return refusal("the query has a value without a name");
    auto value = decode(piece.substr(std::min(equals + 1, piece.size())), "the query", true);
    if (!value) return value.error();
    query.parameters_.push_back({std::move(*name), std::move(*value)});
    return std::nullopt;
  });
  if (error) return *error;
  return query;
}

const std::string* Query::find(std::string_view name) const {
  const auto found =
      std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& p) { return p.name == name; });
  return found == parameters_.end() ? nullptr : &found->value;
}

const std::string* Query::repeated() const {
  for (std::size_t i = 1; i < parameters_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (parameters_[i].name == parameters_[j].name) return &parameters_[i].name;
    }
  }
  return nullptr;
}

Result<Target> Target::parse(std::string_view text) {
  Target target;
  const auto question = std::min(text.find('?'), text.size());
  auto path = text.substr(0, question);
  if (path != "*") {
    if (!path.starts_with('/')) return refusal("the path does not begin with '/'");
    path.remove_prefix(1);
  }
  const bool has_segments = path != "*" && !path.empty();
  const auto error = for_each_piece(path, '/', [&](std::string_view piece) -> std::optional<Error> {
    if (!has_segments) return std::nullopt;
    auto segment = decode(piece, "the path", false);
    if (!segment) return segment.error();
    if (segment->find('/') != std::string::npos) return refusal("the path has a slash in it that is percent-encoded");
    if (*segment == "." || *segment == "..") return refusal("the path has a segment '.' or '..'");
    target.segments.push_back(std::move(*segment));
    return std::nullopt;
  });
  if (error) return *error;
  auto query = Query::parse(text.substr(std::min(question + 1, text.size())));
  if (!query) return query.error();
  target.query = std::move(*query);
  return target;
}

}  // namespace coremachine::http
