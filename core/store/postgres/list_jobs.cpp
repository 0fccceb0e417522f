#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/ports/job_filter.hpp"
#include "core/store/postgres/connection_pool.hpp"
#include "core/store/postgres/reads.hpp"
#include "core/store/table_rows.hpp"

namespace coremachine::postgres {
namespace {

// One step in the index for each type, however many jobs there are.
#define COREMACHINE_TYPES                                                                         \
  "WITH RECURSIVE known (type) AS ((SELECT type FROM job ORDER BY type LIMIT 1) UNION ALL "       \
  "SELECT (SELECT j.type FROM job j WHERE j.type > k.type ORDER BY j.type LIMIT 1) FROM known k " \
  "WHERE k.type IS NOT NULL) SELECT type FROM known WHERE type IS NOT NULL"
constexpr char all_types[] = COREMACHINE_TYPES;

constexpr char counts_by_status[] = "SELECT status, count(*) FROM job GROUP BY status";

// Each type and status is one range of the index, in the order of the ids.
#define COREMACHINE_RANGES(columns)                                                                            \
  "SELECT x.* FROM unnest($1) t (type), unnest($2) s (status), LATERAL (SELECT " columns                       \
  " FROM job j "                                                                                               \
  "WHERE j.type = t.type AND j.status = s.status AND j.id < $3 AND j.id >= $4 ORDER BY j.id DESC LIMIT $5) x " \
  "ORDER BY x.id DESC LIMIT $5"
#define COREMACHINE_ALL(columns) "SELECT " columns " FROM job WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3"
constexpr char ids_in_ranges[] = COREMACHINE_RANGES("id");
constexpr char words_in_ranges[] = COREMACHINE_RANGES("id, type, tags, error");
constexpr char ids_of_all[] = COREMACHINE_ALL("id");
constexpr char words_of_all[] = COREMACHINE_ALL("id, type, tags, error");

// A column of a CASE that is not taken is not read.
constexpr char rows_by_id[] =
    "SELECT " COREMACHINE_JOB_HEAD
    ", CASE WHEN $2 THEN state ELSE '{}' END, CASE WHEN $3 THEN params END, CASE WHEN $3 THEN result END "
    "FROM job WHERE id = ANY ($1) ORDER BY id DESC";

constexpr char unfinished_in_ranges[] =
    "SELECT x.id FROM unnest($1) t (type), unnest($2) s (status), LATERAL (SELECT id FROM job j "
    "WHERE j.type = t.type AND j.status = s.status AND j.id > $3 ORDER BY j.id LIMIT $4) x ORDER BY x.id LIMIT $4";
constexpr char jobs_by_id[] = "SELECT " COREMACHINE_JOB_COLUMNS " FROM job WHERE id = ANY ($1) ORDER BY id";
constexpr char rounds_by_job[] =
    "SELECT " COREMACHINE_ROUND_COLUMNS " FROM round WHERE job = ANY ($1) ORDER BY job, round";

/// Sorts after every id.
constexpr std::string_view after_all_ids = "~";
/// So many jobs are looked at before the next ones are sought.
constexpr std::size_t block_size = 1'000;

std::vector<std::string> read_types(Connection& from) {
  auto rows = from.query(all_types);
  std::vector<std::string> types;
  while (rows.next()) types.push_back(rows.string(0));
  return types;
}

class JobLister {
 public:
  JobLister(Connection& from, const JobFilter& filter)
      : from_(from),
        filter_(filter),
        lowest_(filter.from ? filter.from->str() : std::string()),
        by_range_(!filter.type.empty() || !filter.statuses.empty()),
        by_words_(looks_at_words(filter)) {
    if (!by_range_) return;
    types_ = filter.type.empty() ? read_types(from) : std::vector{filter.type};
    for (const auto status : all_job_statuses) {
      const auto& any_of = filter.statuses;
      const bool wanted = any_of.empty() || std::find(any_of.begin(), any_of.end(), status) != any_of.end();
      if (wanted) statuses_.push_back(to_string(status));
    }
  }

  JobSlice list() {
    JobSlice slice;
    auto before = filter_.before ? filter_.before->str() : std::string(after_all_ids);
    auto looks = filter_.looks;
    while (slice.rows.size() < filter_.limit && looks > 0) {
      const auto room = filter_.limit - slice.rows.size();
      const auto most = std::min({by_words_ ? block_size : room, looks, block_size});
      const auto block = next_block(before, most);
      ArrayParam fitting;
      for (const auto& [id, fits] : block) {
        if (fitting.size() == room) break;
        before = id;
        --looks;
        if (fits) fitting.put(id);
      }
      const bool all_seen = block.empty() || before == block.back().id;
      read(fitting, slice.rows);
      if (all_seen && block.size() < most) return slice;
    }
    slice.next = JobId::parse(before);  // nothing, if not even one was looked at
    return slice;
  }

 private:
  struct Candidate {
    std::string id;
    bool fits = true;
  };

  std::vector<Candidate> next_block(const std::string& before, std::size_t most) {
    auto rows = find(before, tables::row_limit(most));
    std::vector<Candidate> block;
    while (rows.next()) {
      const bool fits = !by_words_ || fits_words(filter_, {rows.view(0), rows.view(1), rows.view(2), rows.view(3)});
      block.push_back({rows.string(0), fits});
    }
    return block;
  }

  Rows find(const std::string& before, std::int64_t most) {
    if (!by_range_) return from_.query(by_words_ ? words_of_all : ids_of_all, before, lowest_, most);
    auto types = texts_of(types_);
    auto statuses = texts_of(statuses_);
    return from_.query(by_words_ ? words_in_ranges : ids_in_ranges, types, statuses, before, lowest_, most);
  }

  void read(ArrayParam& ids, std::vector<JobRow>& into) {
    if (ids.size() == 0) return;
    const bool state = filter_.columns != JobColumns::heads;
    const bool values = filter_.columns == JobColumns::whole;
    auto rows = from_.query(rows_by_id, ids, state, values);
    while (rows.next()) into.push_back(read_job_row(rows));
  }

  Connection& from_;
  const JobFilter& filter_;
  const std::string lowest_;
  const bool by_range_;
  const bool by_words_;
  std::vector<std::string> types_ = {};
  std::vector<std::string_view> statuses_ = {};
};

}  // namespace

JobSlice list_jobs(Connection& from, const JobFilter& filter) {
  Snapshot snapshot(from);
  auto slice = JobLister(from, filter).list();
  snapshot.end();
  return slice;
}

std::map<JobStatus, std::uint64_t> count_jobs(Connection& from) {
  auto rows = from.query(counts_by_status);
  return tables::read_job_counts(rows);
}

std::vector<StoredJob> read_unfinished(Connection& from, std::optional<JobId> after, std::size_t limit) {
  Snapshot snapshot(from);
  auto types = texts_of(read_types(from));
  ArrayParam statuses;
  for (const auto status : all_job_statuses) {
    if (!is_terminal(status)) statuses.put(to_string(status));
  }
  auto found =
      from.query(unfinished_in_ranges, types, statuses, after ? after->str() : std::string(), tables::row_limit(limit));
  ArrayParam ids;
  while (found.next()) ids.put(found.view(0));
  from.add(jobs_by_id, ids);
  from.add(rounds_by_job, ids);
  auto answers = from.run();
  snapshot.end();
  std::vector<StoredJob> stored;
  while (answers[0].next()) stored.push_back({read_job_row(answers[0]), {}});
  auto of = stored.begin();
  while (answers[1].next()) {
    auto round = read_round_row(answers[1]);
    while (of->job.id != round.job) ++of;  // both are in the order of the ids
    of->rounds.push_back(std::move(round));
  }
  return stored;
}

}  // namespace coremachine::postgres
