#include <array>
#include <chrono>
#include <utility>

#include "core/schedule/schedule_codec.hpp"

namespace coremachine::schedule {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes the parts of a time off the front of a text.
struct TimeReader {
  std::string_view text;

  bool accept(char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }
  /// Exactly so many digits.
  std::optional<unsigned> number(std::size_t digits, unsigned high) {
    if (text.size() < digits) return std::nullopt;
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(text[i])) return std::nullopt;
      value = value * 10 + static_cast<unsigned>(text[i] - '0');
    }
    text.remove_prefix(digits);
    return value <= high ? std::optional(value) : std::nullopt;
  }
  /// `hh:mm`
  std::optional<std::chrono::minutes> hours_and_minutes() {
    const auto hours = number(2, 23);
    if (!hours || !accept(':')) return std::nullopt;
    const auto minutes = number(2, 59);
    if (!minutes) return std::nullopt;
    return std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
  }
  std::optional<Milliseconds> decimals() {
    Milliseconds value{0};
    if (!accept('.')) return value;
    std::size_t size = 0;
    for (long unit = 100; size < text.size() && is_digit(text[size]); ++size, unit /= 10) {
      value += Milliseconds{unit * (text[size] - '0')};
    }
    text.remove_prefix(size);
    return size > 0 ? std::optional(value) : std::nullopt;
  }
  std::optional<std::chrono::minutes> offset() {
    if (accept('Z') || accept('z')) return std::chrono::minutes{0};
    const bool west = accept('-');
    if (!west && !accept('+')) return std::nullopt;
    const auto size = hours_and_minutes();
    return size && west ? -*size : size;
  }
};

}  // namespace

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  TimeReader in{text};
  const auto year = in.number(4, 9999);
  if (!year || !in.accept('-')) return std::nullopt;
  const auto month = in.number(2, 12);
  if (!month || !in.accept('-')) return std::nullopt;
  const auto day = in.number(2, 31);
  if (!day || !(in.accept('T') || in.accept('t'))) return std::nullopt;
  const auto time = in.hours_and_minutes();
  if (!time || !in.accept(':')) return std::nullopt;
  const auto second = in.number(2, 59);
  const auto decimals = second ? in.decimals() : std::nullopt;
  const auto offset = decimals ? in.offset() : std::nullopt;
  if (!offset || !in.text.empty()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month},
                                         std::chrono::day{*day}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date} + *time + std::chrono::seconds{*second} + *decimals - *offset;
}

std::string duration_text(Milliseconds duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}}};
  const auto count = duration.count();
  for (const auto& [name, ms] : units) {
    if (count != 0 && count % ms == 0) return std::to_string(count / ms).append(name);
  }
  return std::to_string(count) + (count == 0 ? "s" : "ms");
}

}  // namespace coremachine::schedule
