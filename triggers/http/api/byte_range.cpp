#include "triggers/http/api/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace coremachine::http {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// A number too large for 64 bits is beyond every content, and so as good as the largest.
std::optional<std::uint64_t> number(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return read.ec == std::errc::result_out_of_range ? UINT64_MAX : value;
}

}  // namespace

std::optional<std::variant<ByteRange, Unsatisfiable>> range_of(std::string_view field, std::uint64_t size) {
  using Range = std::variant<ByteRange, Unsatisfiable>;
  constexpr std::string_view unit = "bytes=";
  const auto said = field.substr(0, unit.size());
  const auto is_same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  if (!std::equal(said.begin(), said.end(), unit.begin(), unit.end(), is_same)) return std::nullopt;
  const auto range = trimmed(field.substr(unit.size()));
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = trimmed(range.substr(0, dash));
  const auto last = trimmed(range.substr(dash + 1));
  if (first.empty()) {
    const auto suffix = number(last);
    if (!suffix) return std::nullopt;
    const auto count = std::min(*suffix, size);
    return count == 0 ? Range(Unsatisfiable{}) : Range(ByteRange{size - count, count});
  }
  const auto from = number(first);
  const auto to = last.empty() ? std::optional(UINT64_MAX) : number(last);
  if (!from || !to || *to < *from) return std::nullopt;
  if (*from >= size) return Range(Unsatisfiable{});
  return Range(ByteRange{*from, std::min(*to, size - 1) - *from + 1});
}

bool names_tag(std::string_view field, std::string_view tag, Comparison comparison) {
  for (std::size_t from = 0; from <= field.size();) {
    const auto to = std::min(field.find(',', from), field.size());
    auto one = trimmed(field.substr(from, to - from));
    if (comparison == Comparison::weak && one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
    from = to + 1;
  }
  return false;
}

}  // namespace coremachine::http
