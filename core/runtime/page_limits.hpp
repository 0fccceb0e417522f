#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <coremachine/runtime/queries.hpp>

#include "core/model/round.hpp"

namespace coremachine::runtime {

inline Error bad_query(std::string why) {
  return Error{ErrorCode::invalid_argument, std::move(why)};
}

/// Nothing is wrong with it, or what is.
inline std::optional<Error> check_limit(std::size_t limit) {
  if (limit >= 1 && limit <= max_page_items) return std::nullopt;
  return bad_query("limit is " + std::to_string(limit) + "; it goes from 1 to " + std::to_string(max_page_items));
}

inline Error bad_cursor(std::string_view cursor) {
  return bad_query("\"" + std::string(cursor) + "\" is no cursor of such a page; take `next_cursor` of the one before");
}

/// Where a page of tasks goes on.
struct TaskCursor {
  RoundNumber round = 0;
  TaskIndex index = 0;

  std::string str() const { return std::to_string(round) + "-" + std::to_string(index); }
  static std::optional<TaskCursor> parse(std::string_view text) {
    TaskCursor cursor;
    const auto* end = text.data() + text.size();
    const auto round = std::from_chars(text.data(), end, cursor.round);
    if (round.ec != std::errc{} || cursor.round == 0 || round.ptr == end || *round.ptr != '-') return std::nullopt;
    const auto index = std::from_chars(round.ptr + 1, end, cursor.index);
    if (index.ec != std::errc{} || index.ptr != end) return std::nullopt;
    return cursor;
  }
};

}  // namespace coremachine::runtime
