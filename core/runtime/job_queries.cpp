// Lists of jobs.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "core/model/job_view.hpp"
#include "core/runtime/job_queries.hpp"
#include "core/runtime/mailbox.hpp"
#include "core/runtime/page_limits.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace runtime {
namespace {

/// So many jobs are looked at for one page, where tags or a search make it necessary.
constexpr std::size_t looks_per_page = 20'000;

/// Ids have room for times up to here.
constexpr Timestamp last_id_time{Milliseconds{(std::int64_t{1} << 48U) - 1}};

std::optional<Error> fill_filter(const JobQuery& query, JobFilter& filter) {
  if (auto fault = check_limit(query.limit)) return fault;
  if (query.search.size() > max_search_bytes)
    return bad_query("the search has more than " + std::to_string(max_search_bytes) + " bytes");
  filter.statuses = query.statuses;
  filter.type = query.type;
  filter.tags = query.tags;
  filter.search = query.search;
  filter.limit = query.limit + 1;  // one more tells whether there are more
  filter.looks = looks_per_page;
  filter.columns = query.params || query.results ? JobColumns::whole : JobColumns::outlines;
  limit_times(query.since, query.until, filter);
  if (query.cursor.empty()) return std::nullopt;
  const auto cursor = JobId::parse(query.cursor);
  if (!cursor) return bad_cursor(query.cursor);
  if (!filter.before || *cursor < *filter.before) filter.before = cursor;
  return std::nullopt;
}

/// What the job's row says of an open round that is kept in it.
TaskCounts count_inline(const Round& round) {
  TaskCounts counts;
  for (const auto& segment : round.inline_definitions) counts.total += segment.count;
  for (const auto& segment : round.inline_outcomes) {
    if (segment.kind == OutcomeKind::completed) counts.completed += segment.count;
    if (segment.round != round.number) continue;
    if (segment.kind == OutcomeKind::failed) counts.failed += segment.count;
    if (segment.kind == OutcomeKind::dead) counts.dead += segment.count;
  }
  counts.queued = counts.total - counts.completed - counts.failed - counts.dead;
  return counts;
}

class JobLister {
 public:
  JobLister(Shell& shell, const JobQuery& query) : shell_(shell), query_(query) {}

  Result<JobPage> list() {
    JobFilter filter;
    if (auto fault = fill_filter(query_, filter)) return *fault;
    JobPage page;
    auto read = shell_.reading([&](const Store& store) { return jobs_of(store, filter, page); });
    if (!read) return read.error();
    count_open_rounds(*read);
    page.items.reserve(read->size());
    for (const auto& job : *read) page.items.push_back(make_view(job));
    return page;
  }

 private:
  std::vector<Job> jobs_of(const Store& store, const JobFilter& filter, JobPage& page) const {
    auto slice = store.list_jobs(filter);
    if (slice.rows.size() > query_.limit) {
      slice.rows.resize(query_.limit);
      slice.next = slice.rows.back().id;
    }
    if (slice.next) page.next_cursor = slice.next->str();
    std::vector<Job> jobs;
    jobs.reserve(slice.rows.size());
    for (auto& row : slice.rows) {
      if (!row.params || !query_.params) row.params = make_text("{}");
      if (!query_.results) row.result.reset();
      auto job = decode_job(row, {});
      if (job.last_round > 1) job = decode_job(row, rounds_of(store, row.id));
      if (job.round && !query_.results) job.round->result.reset();
      jobs.push_back(std::move(job));
    }
    return jobs;
  }

  std::vector<RoundRow> rounds_of(const Store& store, JobId job) const {
    auto rounds = store.latest_rounds(job, 0, max_listed_stages - 1);
    std::reverse(rounds.begin(), rounds.end());
    if (!query_.results) {
      for (auto& round : rounds) round.result.reset();
    }
    return rounds;
  }

  /// Rows do not count the tasks of an open round.
  void count_open_rounds(std::vector<Job>& jobs) const {
    std::vector<JobId> asked;
    std::map<JobId, Round*> open;
    for (auto& job : jobs) {
      if (!job.round || job.round->phase == RoundPhase::closed) continue;
      auto& round = *job.round;
      if (round.is_inline) {
        round.counts = count_inline(round);
        continue;
      }
      const auto [total, completed] = round.opened;
      round.counts = TaskCounts{.total = total, .queued = total - completed, .completed = completed};
      asked.push_back(job.id);
      open.emplace(job.id, &round);
    }
    if (asked.empty()) return;
    Mailbox mailbox;
    shell_.post(CountsInput{std::move(asked), mailbox.then()});
    const auto answer = *mailbox.wait();
    for (const auto& told : answer.counts) {
      auto& round = *open.at(told.job);
      if (round.number == told.round) round.counts = told.counts;
    }
  }

  Shell& shell_;
  const JobQuery& query_;
};

}  // namespace

void limit_times(const std::optional<Timestamp>& since, const std::optional<Timestamp>& until, JobFilter& filter) {
  if (since) filter.from = JobId::make(std::min(*since, last_id_time), 0, 0);
  if (until && *until <= last_id_time) filter.before = JobId::make(*until, 0, 0);
}

}  // namespace runtime

Result<JobPage> CoreMachine::jobs(const JobQuery& query) const {
  return runtime::JobLister(*shell_, query).list();
}

Result<JobCounts> CoreMachine::count_jobs() const {
  return shell_->reading([](const Store& store) { return store.count_jobs(); });
}

}  // namespace coremachine
