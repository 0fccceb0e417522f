#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/ports/job_filter.hpp"
#include "core/store/sqlite/job_ranges.hpp"
#include "core/store/sqlite/reads.hpp"
#include "core/store/sqlite/rows.hpp"
#include "core/store/table_rows.hpp"

namespace coremachine::sqlite {
namespace {

constexpr char ids_of_all[] = "SELECT id FROM job WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?";
constexpr char words_of_all[] =
    "SELECT id, type, tags, error FROM job WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?";
// An index has all that it takes: no row is read.
constexpr char counts_by_status[] = "SELECT status, count(*) FROM job INDEXED BY job_by_type GROUP BY status";
constexpr char words_of_one[] = "SELECT id, type, tags, error FROM job WHERE id = ?";
// A column of a CASE that is not taken is not read.
constexpr char row_of_one[] =
    "SELECT " COREMACHINE_JOB_HEAD
    ", CASE WHEN ?2 THEN state ELSE '{}' END, CASE WHEN ?3 THEN params END, CASE WHEN ?3 THEN result END "
    "FROM job WHERE id = ?1";

/// So many jobs are looked at before the next ones are sought.
constexpr std::size_t block_size = 1'000;

class JobLister {
 public:
  JobLister(Connection& from, const JobFilter& filter)
      : from_(from),
        filter_(filter),
        lowest_(filter.from ? filter.from->str() : std::string()),
        by_index_(!filter.type.empty() || !filter.statuses.empty()),
        by_words_(looks_at_words(filter)) {
    if (by_index_) ranges_ = ranges_of(from, filter.type, filter.statuses);
  }

  JobSlice list() {
    JobSlice slice;
    auto before = filter_.before ? filter_.before->str() : std::string(after_all_ids);
    auto looks = filter_.looks;
    while (slice.rows.size() < filter_.limit && looks > 0) {
      const auto wanted = by_words_ ? block_size : filter_.limit - slice.rows.size();
      const auto most = std::min({wanted, looks, block_size});
      const auto block = next_block(before, most);
      for (const auto& [id, fits] : block) {
        if (slice.rows.size() == filter_.limit) return go_on(std::move(slice), before);
        before = id;
        --looks;
        if (fits) slice.rows.push_back(read(id));
      }
      if (block.size() < most) return slice;
    }
    return go_on(std::move(slice), before);
  }

 private:
  struct Candidate {
    std::string id;
    bool fits = true;
  };

  static JobSlice go_on(JobSlice slice, const std::string& before) {
    slice.next = JobId::parse(before);  // nothing, if not even one was looked at
    return slice;
  }

  std::vector<Candidate> next_block(const std::string& before, std::size_t most) {
    std::vector<Candidate> block;
    if (by_index_) {
      for (auto& id : newest_ids(from_, ranges_, before, lowest_, most)) {
        Rows rows(from_[words_of_one], id);
        const bool fits = !by_words_ || (rows.next() && fit(rows));
        block.push_back({std::move(id), fits});
      }
      return block;
    }
    Rows rows(from_[by_words_ ? words_of_all : ids_of_all], before, lowest_, static_cast<std::int64_t>(most));
    while (rows.next()) block.push_back({rows.string(0), !by_words_ || fit(rows)});
    return block;
  }

  bool fit(const Rows& rows) const {
    return fits_words(filter_, {rows.view(0), rows.view(1), rows.view(2), rows.view(3)});
  }

  JobRow read(const std::string& id) {
    const bool state = filter_.columns != JobColumns::heads;
    const bool values = filter_.columns == JobColumns::whole;
    Rows rows(from_[row_of_one], id, state, values);
    rows.next();
    return read_job_row(rows);
  }

  Connection& from_;
  const JobFilter& filter_;
  const std::string lowest_;
  const bool by_index_;
  const bool by_words_;
  std::vector<JobRange> ranges_ = {};
};

}  // namespace

JobSlice list_jobs(Connection& from, const JobFilter& filter) {
  return JobLister(from, filter).list();
}

std::map<JobStatus, std::uint64_t> count_jobs(Connection& from) {
  Rows rows(from[counts_by_status]);
  return tables::read_job_counts(rows);
}

}  // namespace coremachine::sqlite
