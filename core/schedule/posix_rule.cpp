#include "core/schedule/posix_rule.hpp"

#include <algorithm>
#include <array>

namespace coremachine::schedule {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr std::size_t shortest_name = 3;

/// Where calendars of the standard library end, with a margin for offsets.
constexpr Seconds farthest{900'000'000'000};

}  // namespace

/// Takes the parts of a rule off the front of a text.
struct PosixRule::Reader {
  std::string_view text;

  bool accept(char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }

  bool name() {
    const bool bracket = accept('<');
    std::size_t size = 0;
    while (size < text.size() &&
           (is_letter(text[size]) || (bracket && (is_digit(text[size]) || text[size] == '+' || text[size] == '-')))) {
      ++size;
    }
    text.remove_prefix(size);
    return size >= shortest_name && (!bracket || accept('>'));
  }

  std::optional<unsigned> number(unsigned low, unsigned high) {
    std::size_t size = 0;
    unsigned value = 0;
    for (; size < text.size() && is_digit(text[size]); ++size) {
      value = value * 10 + static_cast<unsigned>(text[size] - '0');
      if (value > high) return std::nullopt;
    }
    if (size == 0 || value < low) return std::nullopt;
    text.remove_prefix(size);
    return value;
  }

  /// `[+-]hh[:mm[:ss]]`
  std::optional<Seconds> time(unsigned most_hours) {
    const bool minus = accept('-');
    if (!minus) accept('+');
    const auto hours = number(0, most_hours);
    if (!hours) return std::nullopt;
    Seconds value{3600L * *hours};
    for (const long unit : {60L, 1L}) {
      if (!accept(':')) break;
      const auto part = number(0, 59);
      if (!part) return std::nullopt;
      value += Seconds{unit * *part};
    }
    return minus ? -value : value;
  }

  std::optional<Day> day() {
    Day day;
    if (accept('M')) {
      const auto month = number(1, 12);
      if (!month || !accept('.')) return std::nullopt;
      const auto week = number(1, 5);
      if (!week || !accept('.')) return std::nullopt;
      const auto weekday = number(0, 6);
      if (!weekday) return std::nullopt;
      day.month = *month;
      day.week = *week;
      day.weekday = *weekday;
    } else {
      const bool never_leap = accept('J');
      const auto number_of_day = never_leap ? number(1, 365) : number(0, 365);
      if (!number_of_day) return std::nullopt;
      day.kind = never_leap ? Day::Kind::never_leap : Day::Kind::of_year;
      day.number = *number_of_day;
    }
    if (!accept('/')) return day;
    const auto at = time(167);
    if (!at) return std::nullopt;
    day.time = *at;
    return day;
  }
};

std::optional<PosixRule> PosixRule::parse(std::string_view text) {
  Reader in{text};
  PosixRule rule;
  if (!in.name()) return std::nullopt;
  // POSIX counts west of Greenwich as positive.
  const auto standard = in.time(24);
  if (!standard) return std::nullopt;
  rule.standard_ = -*standard;
  if (in.text.empty()) return rule;

  Daylight daylight;
  if (!in.name()) return std::nullopt;
  daylight.offset = rule.standard_ + std::chrono::hours{1};
  if (!in.text.empty() && in.text.front() != ',') {
    const auto offset = in.time(24);
    if (!offset) return std::nullopt;
    daylight.offset = -*offset;
  }
  if (!in.accept(',')) return std::nullopt;
  const auto begin = in.day();
  if (!begin || !in.accept(',')) return std::nullopt;
  const auto end = in.day();
  if (!end || !in.text.empty()) return std::nullopt;
  daylight.begin = *begin;
  daylight.end = *end;
  rule.daylight_ = daylight;
  return rule;
}

std::chrono::sys_days PosixRule::date_of(const Day& day, std::chrono::year year) {
  using namespace std::chrono;
  const sys_days first{year / January / 1};
  switch (day.kind) {
    case Day::Kind::never_leap: return first + days{day.number - 1 + (year.is_leap() && day.number >= 60 ? 1 : 0)};
    case Day::Kind::of_year: return first + days{day.number};
    case Day::Kind::of_week: break;
  }
  const weekday wanted{day.weekday};
  if (day.week == 5) return sys_days{year / month{day.month} / wanted[last]};
  return sys_days{year / month{day.month} / wanted[day.week]};
}

Span PosixRule::span_at(Instant time) const {
  if (!daylight_) return Span{beginning_of_time, end_of_time, standard_};

  struct Change {
    Instant at;
    bool begins;
    // A daylight time that ends when the next one begins does not end.
    auto operator<=>(const Change&) const = default;
  };
  if (time < Instant{-farthest} || time > Instant{farthest}) return Span{beginning_of_time, end_of_time, standard_};
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(time)};
  std::array<Change, 6> changes{};
  // A change of one year may fall into the next or the one before, by the hours of its rule.
  for (int shift : {0, -1, 1}) {
    auto out = changes.begin();
    for (int y = shift - 1; y <= shift + 1; ++y) {
      const auto year = date.year() + std::chrono::years{y};
      *out++ = {date_of(daylight_->begin, year) + daylight_->begin.time - standard_, true};
      *out++ = {date_of(daylight_->end, year) + daylight_->end.time - daylight_->offset, false};
    }
    std::sort(changes.begin(), changes.end());
    if (changes.front().at <= time && time < changes.back().at) break;
  }
  const auto next = std::find_if(changes.begin(), changes.end(), [&](const Change& c) { return c.at > time; });
  Span span;
  span.end = next == changes.end() ? end_of_time : next->at;
  if (next == changes.begin()) {
    span.offset = next->begins ? standard_ : daylight_->offset;
  } else {
    span.begin = std::prev(next)->at;
    span.offset = std::prev(next)->begins ? daylight_->offset : standard_;
  }
  return span;
}

}  // namespace coremachine::schedule
