#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/export.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine {

/// Identity of a job: 48 bits of creation time, then 80 bits that make it unique.
/// Ids sort by creation time; the text form (26 characters of Crockford base 32) sorts the same way.
/// To users it is an opaque string.
struct JobId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  COREMACHINE_API static JobId make(Timestamp created, std::uint64_t entropy_high, std::uint64_t entropy_low);
  COREMACHINE_API static std::optional<JobId> parse(std::string_view text);
  COREMACHINE_API std::string str() const;

  /// The time that it was made with.
  COREMACHINE_API Timestamp created() const;

  /// The next id in order; how several ids of one millisecond are kept in the order of their submission.
  JobId next() const { return low + 1 == 0 ? JobId{high + 1, 0} : JobId{high, low + 1}; }
  explicit operator bool() const { return high != 0 || low != 0; }
  friend auto operator<=>(const JobId&, const JobId&) = default;
};

/// Position of a task within its round.
using TaskIndex = std::uint64_t;

/// Job types, task names and resolver ids: `^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`, at most 128 bytes.
COREMACHINE_API bool is_valid_name(std::string_view name);

/// The rule above in words, for error messages.
inline constexpr std::string_view name_rule =
    "letters, digits, '_' and '-' in parts joined by single dots, at most 128 bytes";

}  // namespace coremachine

template <>
struct std::hash<coremachine::JobId> {
  std::size_t operator()(const coremachine::JobId& id) const noexcept {
    return static_cast<std::size_t>(id.low ^ (id.high * 0x9E3779B97F4A7C15ULL));
  }
};
