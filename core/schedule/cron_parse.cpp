#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/schedule/cron.hpp"

namespace coremachine::schedule {

namespace {

constexpr std::size_t longest_text = 512;

/// What a field may hold. `second` comes first, as in the expression.
struct Field {
  enum Kind { second, minute, hour, day_of_month, month, day_of_week };
  Kind kind;
  std::string_view name;
  unsigned low;
  unsigned high;
  std::string_view right;  // what would be right
  std::string_view names;  // three letters each, for `low` and what follows

  bool is_day() const { return kind == day_of_month || kind == day_of_week; }
};

constexpr std::array<Field, 6> fields{{
    {Field::second, "second", 0, 59, "0 to 59", ""},
    {Field::minute, "minute", 0, 59, "0 to 59", ""},
    {Field::hour, "hour", 0, 23, "0 to 23", ""},
    {Field::day_of_month, "day of month", 1, 31, "1 to 31, or L for the last", ""},
    {Field::month, "month", 1, 12, "1 to 12, or JAN to DEC", "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {Field::day_of_week, "day of week", 0, 7, "0 to 7, or SUN to SAT", "SUNMONTUEWEDTHUFRISAT"},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> macros{{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return upper(x) == upper(y); });
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = at;
    while (at < text.size() && !is_space(text[at])) ++at;
    if (at > begin) words.push_back(text.substr(begin, at - begin));
    ++at;
  }
  return words;
}

/// In quotes, without bytes that do not print.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, longest_text)) out.push_back(c >= ' ' && c < '\x7f' && c != '"' ? c : '?');
  return out.append(text.size() > longest_text ? "…\"" : "\"");
}

/// 9,999 stands for whatever is larger.
std::optional<unsigned> number_from(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) value = std::min(9999U, value * 10 + static_cast<unsigned>(c - '0'));
  return value;
}

struct BadField {
  std::string what;
};

[[noreturn]] void bad(const std::string& what, std::string_view right) {
  throw BadField{what + "; " + std::string(right) + " would be right"};
}

/// A number or a name of the field.
unsigned value_of(const Field& field, std::string_view text) {
  if (text.empty()) bad("a value is missing", field.right);
  if (const auto number = number_from(text)) {
    if (*number < field.low || *number > field.high) bad(std::string(text) + " is out of range", field.right);
    return *number;
  }
  for (unsigned i = 0; i * 3 < field.names.size(); ++i) {
    if (same_word(text, field.names.substr(i * 3, 3))) return field.low + i;
  }
  if (same_word(text, "L") && field.kind == Field::day_of_week) {
    bad("L says the last of which weekday", "5L for the last Friday, or L as the day of month,");
  }
  bad(quoted(text) + " is no " + std::string(field.name), field.right);
}

unsigned step_of(const Field& field, std::string_view text) {
  const auto most = field.kind == Field::day_of_week ? 6 : field.high - field.low;
  const auto step = number_from(text);
  if (!step) bad(quoted(text) + " is no step", "a number, as in */2,");
  if (*step == 0 || *step > most) {
    bad("a step of " + std::string(text) + " does not fit", "1 to " + std::to_string(most));
  }
  return *step;
}

struct Range {
  unsigned first;
  unsigned last;
};

Range range_of(const Field& field, std::string_view text, bool stepped) {
  const bool week = field.kind == Field::day_of_week;
  if (text == "*" || text == "?") {
    if (text == "?" && !field.is_day()) bad("? is for the two day fields", "*");
    return {field.low, week ? 6 : field.high};
  }
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) {
    const auto value = value_of(field, text);
    return {value, stepped ? std::max(value, week ? 6 : field.high) : value};
  }
  Range range{value_of(field, text.substr(0, dash)), value_of(field, text.substr(dash + 1))};
  // Sunday may end a range as well as begin it.
  if (week && range.last == 0 && range.first > 0) range.last = 7;
  if (range.first > range.last) {
    const auto number = [](unsigned n) { return std::to_string(n); };
    bad(std::string(text) + " runs backwards",
        number(range.first) + "-" + number(week ? 6 : field.high) + "," + number(field.low) + "-" + number(range.last));
  }
  return range;
}

}  // namespace

/// Fills an expression in, field by field. Throws BadField.
class CronParser {
 public:
  explicit CronParser(CronExpression& out) : out_(out) {}

  void field(const Field& field, std::string_view text) {
    bool any = false;
    std::uint64_t bits = 0;
    for (std::size_t begin = 0;;) {
      const auto comma = std::min(text.find(',', begin), text.size());
      const auto term = text.substr(begin, comma - begin);
      if (term.empty()) bad("a value is missing" + std::string(text.empty() ? "" : " next to a comma"), field.right);
      any = any || term.front() == '*' || term.front() == '?';
      if (!(field.is_day() && special(field, term))) bits |= plain(field, term);
      if (comma == text.size()) break;
      begin = comma + 1;
    }
    keep(field, bits, any);
  }

 private:
  static std::uint64_t plain(const Field& field, std::string_view term) {
    const auto slash = term.find('/');
    const bool stepped = slash != std::string_view::npos;
    const auto step = stepped ? step_of(field, term.substr(slash + 1)) : 1;
    const auto range = range_of(field, term.substr(0, slash), stepped);
    std::uint64_t bits = 0;
    for (auto value = range.first; value <= range.last; value += step) bits |= std::uint64_t{1} << value;
    return bits;
  }

  /// What only the day fields know; false if the term is none of it.
  bool special(const Field& field, std::string_view term) {
    return field.kind == Field::day_of_month ? day_of_month(field, term) : day_of_week(field, term);
  }

  bool day_of_month(const Field& field, std::string_view term) {
    if (same_word(term, "L")) {
      out_.days_before_last_ |= 1;
    } else if (same_word(term, "LW") || same_word(term, "WL")) {
      out_.last_weekday_ = true;
    } else if (same_word(term.substr(0, 2), "L-")) {
      const auto before = number_from(term.substr(2));
      if (!before || *before > 30) bad(quoted(term) + " is no day before the last", "L-1 to L-30");
      out_.days_before_last_ |= std::uint64_t{1} << *before;
    } else if (upper(term.back()) == 'W') {
      const auto day = term.substr(0, term.size() - 1);
      if (!number_from(day)) bad(quoted(term) + " is no weekday near a day", "15W");
      out_.nearest_weekdays_ |= std::uint64_t{1} << value_of(field, day);
    } else {
      return false;
    }
    return true;
  }

  bool day_of_week(const Field& field, std::string_view term) {
    const auto hash = term.find('#');
    if (hash != std::string_view::npos) {
      const auto weekday = value_of(field, term.substr(0, hash)) % 7;
      const auto nth = number_from(term.substr(hash + 1));
      if (!nth || *nth < 1 || *nth > 5) bad(quoted(term) + " is no weekday of a month", "5#1 to 5#5");
      out_.nth_weekday_[weekday] |= static_cast<std::uint8_t>(1U << *nth);
    } else if (term.size() > 1 && upper(term.back()) == 'L') {
      out_.nth_weekday_[value_of(field, term.substr(0, term.size() - 1)) % 7] |= 1;
    } else {
      return false;
    }
    return true;
  }

  void keep(const Field& field, std::uint64_t bits, bool any) {
    switch (field.kind) {
      case Field::second: out_.seconds_ = bits; break;
      case Field::minute:
        out_.minutes_ = bits;
        out_.by_clock_ = !any;
        break;
      case Field::hour:
        out_.hours_ = bits;
        out_.by_clock_ = out_.by_clock_ && !any;
        break;
      case Field::day_of_month:
        out_.days_ = bits;
        out_.any_day_ = any;
        break;
      case Field::month: out_.months_ = bits; break;
      case Field::day_of_week:
        out_.weekdays_ = (bits | bits >> 7) & 0x7F;
        out_.any_weekday_ = any;
        break;
    }
  }

  CronExpression& out_;
};

namespace {

std::string wrong_count(const std::vector<std::string_view>& words) {
  const auto due = "five fields are due (minute, hour, day of month, month, day of week), or six with seconds first";
  if (words.empty()) return std::string("it is empty; ") + due;
  return "it has " + std::to_string(words.size()) + (words.size() == 1 ? " field; " : " fields; ") + due;
}

std::string wrong_macro(std::string_view word) {
  if (same_word(word, "@every")) return "@every is not cron; an interval says that, as \"every\": \"5m\"";
  return quoted(word) + " is unknown; @hourly, @daily, @weekly, @monthly or @yearly would be right";
}

Error refused(std::string_view text, const std::string& why) {
  return Error{ErrorCode::invalid_argument, "cron expression " + quoted(text) + ": " + why};
}

}  // namespace

Result<CronExpression> CronExpression::parse(std::string_view text) {
  if (text.size() > longest_text) {
    return refused(text, "it is longer than " + std::to_string(longest_text) + " bytes");
  }
  auto words = words_of(text);
  if (!words.empty() && words.front().front() == '@') {
    const auto macro = std::find_if(macros.begin(), macros.end(),
                                    [&](const auto& known) { return same_word(known.first, words.front()); });
    if (macro == macros.end()) return refused(text, wrong_macro(words.front()));
    if (words.size() > 1) return refused(text, "nothing may follow " + std::string(macro->first));
    words = words_of(macro->second);
  }
  if (!words.empty() && words.front().find('=') != std::string_view::npos) {
    return refused(text, "the time zone is not part of it; it is given beside it");
  }
  if (words.size() != 5 && words.size() != 6) return refused(text, wrong_count(words));

  CronExpression expression;
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  expression.text_ = text;
  const auto first = fields.size() - words.size();
  for (std::size_t i = 0; i < words.size(); ++i) {
    try {
      CronParser(expression).field(fields[first + i], words[i]);
    } catch (const BadField& fault) {
      return refused(text, std::string(fields[first + i].name) + ": " + fault.what);
    }
  }
  return expression;
}

}  // namespace coremachine::schedule
