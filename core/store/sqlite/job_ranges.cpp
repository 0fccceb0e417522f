#include "core/store/sqlite/job_ranges.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>

#include "core/store/table_rows.hpp"

namespace coremachine::sqlite {
namespace {

constexpr char first_type[] = "SELECT type FROM job INDEXED BY job_by_type ORDER BY type LIMIT 1";
constexpr char next_type[] = "SELECT type FROM job INDEXED BY job_by_type WHERE type > ? ORDER BY type LIMIT 1";
constexpr char newest_in_range[] =
    "SELECT id FROM job INDEXED BY job_by_type WHERE type = ? AND status = ? AND id < ? AND id >= ? "
    "ORDER BY id DESC LIMIT ?";
constexpr char oldest_in_range[] =
    "SELECT id FROM job INDEXED BY job_by_type WHERE type = ? AND status = ? AND id > ? ORDER BY id LIMIT ?";

/// One step in the index for each, however many jobs there are.
std::vector<std::string> all_types(Connection& from) {
  std::vector<std::string> types;
  {
    Rows rows(from[first_type]);
    if (!rows.next()) return types;
    types.push_back(rows.string(0));
  }
  for (;;) {
    const auto last = types.back();
    Rows rows(from[next_type], last);
    if (!rows.next()) return types;
    types.push_back(rows.string(0));
  }
}

/// Both lists in order become one; what is beyond the limit goes.
template <class Order>
void merge_into(std::vector<std::string>& ids, std::vector<std::string> more, std::size_t limit, const Order& order) {
  if (more.empty()) return;
  std::vector<std::string> merged;
  merged.reserve(ids.size() + more.size());
  std::merge(std::make_move_iterator(ids.begin()), std::make_move_iterator(ids.end()),
             std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()), std::back_inserter(merged),
             order);
  if (merged.size() > limit) merged.resize(limit);
  ids = std::move(merged);
}

std::vector<std::string> ids_of(Rows& rows) {
  std::vector<std::string> ids;
  while (rows.next()) ids.push_back(rows.string(0));
  return ids;
}

}  // namespace

std::vector<JobRange> ranges_of(Connection& from, const std::string& type, const std::vector<JobStatus>& statuses) {
  std::vector<JobRange> ranges;
  const auto types = type.empty() ? all_types(from) : std::vector{type};
  for (const auto& each : types) {
    for (const auto status : all_job_statuses) {
      const bool wanted = statuses.empty() || std::find(statuses.begin(), statuses.end(), status) != statuses.end();
      if (wanted) ranges.push_back({each, status});
    }
  }
  return ranges;
}

std::vector<std::string> newest_ids(Connection& from, const std::vector<JobRange>& ranges, std::string_view before,
                                    std::string_view lowest, std::size_t limit) {
  std::vector<std::string> ids;
  for (const auto& range : ranges) {
    // Once there are enough, only what is younger than the oldest of them counts.
    const std::string floor = ids.size() < limit || ids.empty() ? std::string(lowest) : ids.back();
    Rows rows(from[newest_in_range], range.type, to_string(range.status), before, floor, tables::row_limit(limit));
    merge_into(ids, ids_of(rows), limit, std::greater<>());
  }
  return ids;
}

std::vector<std::string> unfinished_ids(Connection& from, std::string_view after, std::size_t limit) {
  std::vector<JobStatus> statuses(all_job_statuses.begin(), all_job_statuses.end());
  std::erase_if(statuses, is_terminal);
  std::vector<std::string> ids;
  for (const auto& range : ranges_of(from, "", statuses)) {
    Rows rows(from[oldest_in_range], range.type, to_string(range.status), after, tables::row_limit(limit));
    merge_into(ids, ids_of(rows), limit, std::less<>());
  }
  return ids;
}

}  // namespace coremachine::sqlite
