#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

#include "core/schedule/posix_rule.hpp"

namespace coremachine::schedule {

/// A date and a time of day, of whatever zone.
using CivilTime = std::chrono::local_seconds;

struct LocalTime {
  CivilTime civil;    ///< `std::chrono::year_month_day` and `hh_mm_ss` have its fields
  Seconds offset{0};  ///< local time minus UTC
};

/// When a civil time is.
struct Instants {
  enum class Count : std::uint8_t {
    none,  ///< the clocks skip it; `first` is the instant at which they do
    one,
    two,  ///< the clocks show it twice
  };
  Count count = Count::one;
  Timestamp first{};
  Timestamp second{};  ///< only of two
};

/// Europe/Berlin, America/New_York …: what the clocks of a place show at an instant, and the other way round.
/// A value: cheap to copy, never changes, to be used from any thread.
class TimeZone {
 public:
  static TimeZone utc();

  /// The zone of that name out of the database, which is the folder $TZDIR, else /usr/share/zoneinfo. The only
  /// function of this room that reads files; "UTC" needs none. Error, invalid_argument: no valid name, an unknown one
  /// (with the nearest known ones), a file that is damaged.
  static Result<TimeZone> load(std::string_view name);

  /// The zone out of the bytes of a TZif file (RFC 9636) of version 2 or later. Anything may be passed.
  static Result<TimeZone> parse(std::string name, std::string_view bytes);

  const std::string& name() const;

  LocalTime to_local(Timestamp time) const;
  Instants to_instants(CivilTime time) const;
  Span span_at(Instant time) const;

  struct Table;
  explicit TimeZone(std::shared_ptr<const Table> table) : table_(std::move(table)) {}

 private:
  std::shared_ptr<const Table> table_;
};

/// `Europe/Berlin`: parts of letters, digits, '_', '+' and '-', joined by slashes. Such a name never leaves the folder.
bool is_valid_zone_name(std::string_view name);

}  // namespace coremachine::schedule
