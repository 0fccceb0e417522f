#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <coremachine/model/status.hpp>

#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

/// Sorts after every id.
inline constexpr std::string_view after_all_ids = "~";

/// The part of the index that holds jobs of one type in one status: there the ids are in order.
struct JobRange {
  std::string type;
  JobStatus status;
};

/// Of one type, or of every type there is if it is empty.
std::vector<JobRange> ranges_of(Connection& from, const std::string& type, const std::vector<JobStatus>& statuses);

/// At most `limit` ids of all these ranges together, newest first, from `lowest` to before `before`.
std::vector<std::string> newest_ids(Connection& from, const std::vector<JobRange>& ranges, std::string_view before,
                                    std::string_view lowest, std::size_t limit);

/// Ids of jobs that are not over, oldest first.
std::vector<std::string> unfinished_ids(Connection& from, std::string_view after, std::size_t limit);

}  // namespace coremachine::sqlite
