#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/schedule/time_zone.hpp"

namespace coremachine::schedule::oracle {

// Another way to the same answers: expressions that are made up as sets and as text at once, so that nothing has to be
// parsed, and a search that looks at one unit of time after the other.

struct FieldCase {
  std::string text;
  std::array<bool, 64> fits{};
  bool star = false;
};

/// A random expression, as text and as what it means.
struct CronCase {
  FieldCase second, minute, hour, day, month, weekday;
  bool with_seconds = false;
  // Terms of the day fields that are no sets of numbers.
  int before_last = -1;  // L, L-n
  int near_day = -1;     // nW
  int nth = -1;          // w#n; 0: wL
  unsigned nth_weekday = 0;

  std::string text() const {
    return (with_seconds ? second.text + " " : "") + minute.text + " " + hour.text + " " + day.text + " " + month.text +
           " " + weekday.text;
  }
  bool by_clock() const { return !minute.star && !hour.star; }

  bool fits(CivilTime time) const {
    using namespace std::chrono;
    const auto date = floor<days>(time);
    const hh_mm_ss clock{time - date};
    const year_month_day ymd{date};
    return second.fits[static_cast<std::size_t>(clock.seconds().count())] &&
           minute.fits[static_cast<std::size_t>(clock.minutes().count())] &&
           hour.fits[static_cast<std::size_t>(clock.hours().count())] &&
           month.fits[static_cast<unsigned>(ymd.month())] && day_fits(date);
  }

 private:
  static unsigned weekday_of(std::chrono::local_days date) { return std::chrono::weekday{date}.c_encoding(); }
  static unsigned day_of(std::chrono::local_days date) {
    return static_cast<unsigned>(std::chrono::year_month_day{date}.day());
  }
  static bool same_month(std::chrono::local_days a, std::chrono::local_days b) {
    return std::chrono::year_month_day{a}.month() == std::chrono::year_month_day{b}.month();
  }
  static bool works(std::chrono::local_days date) { return weekday_of(date) != 0 && weekday_of(date) != 6; }

  bool by_date(std::chrono::local_days date) const {
    using std::chrono::days;
    if (day.fits[day_of(date)]) return true;
    if (before_last >= 0 && same_month(date, date + days{before_last}) &&
        !same_month(date, date + days{before_last + 1})) {
      return true;
    }
    if (near_day < 0 || !works(date)) return false;
    // Of all working days of the month, this one is the nearest to that day, if there is such a day.
    const auto wanted = date + days{near_day - static_cast<int>(day_of(date))};
    if (!same_month(wanted, date)) return false;
    for (int away = 0; away < 3; ++away) {
      for (const auto other : {wanted - days{away}, wanted + days{away}}) {
        if (same_month(other, date) && works(other)) return other == date;
      }
    }
    return false;
  }

  bool by_weekday(std::chrono::local_days date) const {
    using std::chrono::days;
    if (weekday.fits[weekday_of(date)] || (weekday_of(date) == 0 && weekday.fits[7])) return true;
    if (nth < 0 || weekday_of(date) != nth_weekday) return false;
    if (nth == 0) return !same_month(date, date + days{7});
    return same_month(date, date - days{7 * (nth - 1)}) && !same_month(date, date - days{7 * nth});
  }

  bool day_fits(std::chrono::local_days date) const {
    if (day.star || weekday.star) return by_date(date) && by_weekday(date);
    return by_date(date) || by_weekday(date);
  }
};

class RandomCron {
 public:
  explicit RandomCron(std::uint64_t seed) : dice_(seed) {}

  unsigned number(unsigned low, unsigned high) { return std::uniform_int_distribution<unsigned>(low, high)(dice_); }
  bool one_in(unsigned n) { return number(1, n) == 1; }

  CronCase expression(bool with_seconds) {
    CronCase made;
    made.with_seconds = with_seconds;
    if (with_seconds) {
      made.second = field(0, 59, 4);
    } else {
      made.second.fits[0] = true;
    }
    made.minute = field(0, 59, 3);
    made.hour = field(0, 23, 3);
    made.day = field(1, 31, 2);
    made.month = field(1, 12, 1);
    made.weekday = field(0, 7, 2);
    if (one_in(4)) add_special_day(made);
    if (one_in(4)) add_special_weekday(made);
    return made;
  }

 private:
  /// A star in one of so many.
  FieldCase field(unsigned low, unsigned high, unsigned star) {
    FieldCase made;
    if (one_in(star)) return every(low, high, one_in(3) ? number(1, 6) : 1);
    for (auto terms = number(1, 3); terms > 0; --terms) add_term(made, low, high);
    return made;
  }

  static FieldCase every(unsigned low, unsigned high, unsigned step) {
    FieldCase made;
    made.star = true;
    made.text = step == 1 ? "*" : "*/" + std::to_string(step);
    if (high == 7) high = 6;
    for (auto value = low; value <= high; value += step) made.fits[value] = true;
    return made;
  }

  void add_term(FieldCase& made, unsigned low, unsigned high) {
    if (!made.text.empty()) made.text += ",";
    const auto first = number(low, high);
    made.text += std::to_string(first);
    made.fits[first] = true;
    if (one_in(2)) return;
    const auto last = number(first, high);
    made.text += "-" + std::to_string(last);
    const auto step = one_in(3) ? number(1, 5) : 1;
    if (step > 1) made.text += "/" + std::to_string(step);
    for (auto value = first; value <= last; value += step) made.fits[value] = true;
  }

  /// In place of what the field had.
  void add_special_day(CronCase& made) {
    made.day = FieldCase{};
    if (one_in(2)) {
      made.before_last = static_cast<int>(number(0, 4));
      made.day.text = made.before_last == 0 ? "L" : "L-" + std::to_string(made.before_last);
    } else {
      made.near_day = static_cast<int>(number(1, 31));
      made.day.text = std::to_string(made.near_day) + "W";
    }
  }
  void add_special_weekday(CronCase& made) {
    made.weekday = FieldCase{};
    made.nth_weekday = number(0, 6);
    made.nth = static_cast<int>(number(0, 5));
    made.weekday.text = std::to_string(made.nth_weekday) + (made.nth == 0 ? "L" : "#" + std::to_string(made.nth));
  }

  std::mt19937_64 dice_;
};

/// The first time after `after` and before `end` that the expression fires, looking at one `unit` after the other.
/// Whoever looks at the clock all the time needs no notion of gaps: they are what it has jumped over, and what it shows
/// again is what it has shown before.
inline std::optional<Timestamp> next(const CronCase& cron, Timestamp after, Timestamp end, const TimeZone& zone,
                                     std::chrono::seconds unit) {
  auto time = std::chrono::floor<std::chrono::minutes>(after) - std::chrono::hours{3};
  auto seen = zone.to_local(time).civil;
  for (Timestamp now = time + unit; now < end; now += unit) {
    const auto shown = zone.to_local(now).civil;
    bool fires = false;
    if (cron.by_clock()) {
      for (auto civil = seen + unit; civil <= shown && !fires; civil += unit) fires = cron.fits(civil);
    } else {
      fires = cron.fits(shown);
    }
    seen = std::max(seen, shown);
    if (fires && now > after) return now;
  }
  return std::nullopt;
}

}  // namespace coremachine::schedule::oracle
