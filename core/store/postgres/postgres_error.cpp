#include "core/store/postgres/postgres_error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace coremachine::postgres {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view state, const std::array<std::string_view, N>& states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

bool PostgresError::means_lost() const {
  // 57P01 to 57P05: the server shuts down, crashed or ended the session; 25P03: this one was idle for too long.
  static constexpr std::array<std::string_view, 5> ended{"57P01", "57P02", "57P04", "57P05", "25P03"};
  return sqlstate_.empty() || sqlstate_.starts_with("08") || is_one_of(sqlstate_, ended);
}

bool PostgresError::may_pass() const {
  // Serialization and deadlocks; locks and out of memory or connections; starting up, or not yet the primary.
  static constexpr std::array<std::string_view, 9> states{"40001", "40P01", "55P03", "53000", "53200",
                                                          "53300", "57P03", "25006", "57014"};
  return is_one_of(sqlstate_, states);
}

bool PostgresError::means_refused() const {
  return sqlstate_.starts_with("28") || sqlstate_.starts_with("3D") || sqlstate_ == "42501";
}

Error to_error(const PostgresError& error, const std::string& location) {
  const auto text = location + ": " + error.what();
  if (error.means_full()) return Error{ErrorCode::store_full, "no room on the disk for " + text};
  if (error.means_damaged()) return Error{ErrorCode::store_damaged, "the store is damaged: " + text};
  if (error.sqlstate() == "3D000") return Error{ErrorCode::store_missing, "the store cannot be used: " + text};
  return Error{ErrorCode::store_failed, "the store cannot be used: " + text};
}

}  // namespace coremachine::postgres
