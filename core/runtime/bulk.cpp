// What is done to many jobs at once.

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "core/machine/step.hpp"
#include "core/runtime/job_queries.hpp"
#include "core/runtime/mailbox.hpp"
#include "core/runtime/page_limits.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace runtime {
namespace {

/// So many are under way at a time. The engine sees to others between them, and a commit has many.
constexpr std::size_t jobs_at_a_time = 200;

class BulkControl {
 public:
  /// Whether a job in this status may have it done to it.
  using Allows = std::function<bool(JobStatus)>;
  /// Asks for it.
  using Ask = std::function<void(Shell&, JobId, Then)>;

  BulkControl(Shell& shell, Allows allows, Ask ask) : shell_(shell), allows_(std::move(allows)), ask_(std::move(ask)) {}

  Result<BulkResult> run(const BulkFilter& filter, bool dry_run) const {
    if (filter.statuses.empty() && filter.type.empty() && filter.tags.empty() && filter.search.empty() &&
        !filter.since && !filter.until)
      return bad_query("the filter names nothing: give statuses, a type, tags, a text to search for, or a time");
    JobFilter wanted;
    wanted.type = filter.type;
    wanted.tags = filter.tags;
    wanted.search = filter.search;
    wanted.limit = jobs_at_a_time;
    wanted.looks = 20'000;
    wanted.columns = JobColumns::heads;
    limit_times(filter.since, filter.until, wanted);
    // Ids increase: what is submitted from now on is beyond the first one read.
    for (const auto status : all_job_statuses) {
      const bool named = filter.statuses.empty() ||
                         std::find(filter.statuses.begin(), filter.statuses.end(), status) != filter.statuses.end();
      if (named && allows_(status)) wanted.statuses.push_back(status);
    }
    BulkResult result;
    if (wanted.statuses.empty()) return result;
    do {
      const auto slice = shell_.reading([&](const Store& store) {
        auto found = store.list_jobs(wanted);
        // Each of several machines does it to the jobs that it has.
        if (const auto* peers = store.peers(); peers && !found.rows.empty()) {
          std::vector<JobId> jobs;
          for (const auto& row : found.rows) jobs.push_back(row.id);
          const auto owners = peers->owners_elsewhere(jobs);
          std::erase_if(found.rows, [&](const JobRow& row) { return owners.contains(row.id); });
        }
        return found;
      });
      if (!slice) return slice.error();
      result.matched += slice->rows.size();
      if (!dry_run) result.changed += change(slice->rows);
      wanted.before = slice->next;
    } while (wanted.before);
    return result;
  }

 private:
  std::uint64_t change(const std::vector<JobRow>& rows) const {
    std::vector<Mailbox> mailboxes(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) ask_(shell_, rows[i].id, mailboxes[i].then());
    std::uint64_t changed = 0;
    for (auto& mailbox : mailboxes) changed += mailbox.wait()->error ? 0 : 1;
    return changed;
  }

  Shell& shell_;
  const Allows allows_;
  const Ask ask_;
};

BulkControl bulk_control(Shell& shell, machine::Control verb) {
  const auto allows = [verb](JobStatus status) { return !machine::refusal(verb, JobId{}, status); };
  const auto ask = [verb](Shell& to, JobId job, Then then) { to.post(ControlInput{job, verb, std::move(then)}); };
  return BulkControl(shell, allows, ask);
}

}  // namespace
}  // namespace runtime

Result<BulkResult> CoreMachine::cancel_all(const BulkFilter& filter, bool dry_run) {
  return runtime::bulk_control(*shell_, machine::Control::cancel).run(filter, dry_run);
}

Result<BulkResult> CoreMachine::retry_all(const BulkFilter& filter, bool dry_run) {
  return runtime::bulk_control(*shell_, machine::Control::redrive).run(filter, dry_run);
}

Result<BulkResult> CoreMachine::remove_all(const BulkFilter& filter, bool dry_run) {
  const auto ask = [](runtime::Shell& to, JobId job, runtime::Then then) {
    to.post(runtime::RemoveInput{job, std::move(then)});
  };
  return runtime::BulkControl(*shell_, is_terminal, ask).run(filter, dry_run);
}

}  // namespace coremachine
