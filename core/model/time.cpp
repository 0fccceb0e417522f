#include <coremachine/model/time.hpp>

#include <array>
#include <string>
#include <utility>

namespace coremachine {

namespace {

constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::int64_t longest_duration = 36'525 * ms_per_day;  // 100 years

/// How many milliseconds a unit has; 0 for what is no unit.
constexpr std::int64_t unit_from(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", ms_per_day}}};
  for (const auto& [name, ms] : units) {
    if (name == text) return ms;
  }
  return 0;
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string to_rfc3339(Timestamp time) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto in_day = static_cast<unsigned>((time - day).count());
  const auto year = static_cast<int>(date.year());
  std::string text("0000-00-00T00:00:00.000Z");
  const auto put = [&](std::size_t at, unsigned digits, unsigned number) {
    for (auto i = at + digits; i > at; number /= 10) text[--i] = static_cast<char>('0' + number % 10);
  };
  put(0, 4, static_cast<unsigned>(year));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(11, 2, in_day / 3'600'000);
  put(14, 2, in_day / 60'000 % 60);
  put(17, 2, in_day / 1'000 % 60);
  put(20, 3, in_day % 1'000);
  if (year < 0 || year > 9'999) text.replace(0, 4, std::to_string(year));
  return text;
}

std::optional<Milliseconds> parse_duration(std::string_view text) {
  std::size_t at = 0;
  std::int64_t whole = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    whole = whole * 10 + (text[at] - '0');
    if (whole > longest_duration) return std::nullopt;
  }
  if (at == 0) return std::nullopt;

  // Eleven decimals of a day are finer than a millisecond, and times a day they fit 63 bits.
  constexpr int kept_decimals = 11;
  std::int64_t fraction = 0;
  std::int64_t scale = 1;
  if (at < text.size() && text[at] == '.') {
    const auto first = ++at;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      if (at - first >= kept_decimals) continue;
      fraction = fraction * 10 + (text[at] - '0');
      scale *= 10;
    }
    if (at == first) return std::nullopt;
  }

  const auto unit = unit_from(text.substr(at));
  if (unit == 0 || whole > longest_duration / unit) return std::nullopt;
  const auto total = whole * unit + fraction * unit / scale;
  if (total > longest_duration) return std::nullopt;
  return Milliseconds{total};
}

}  // namespace coremachine
