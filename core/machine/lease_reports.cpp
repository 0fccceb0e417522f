// What workers in other processes report: which of the lease's tasks it is heard of, and what becomes of the lease.

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/machine/engine.hpp"

namespace coremachine::machine {
namespace {

/// The tasks of a lease of which nothing was heard yet.
class Remaining {
 public:
  explicit Remaining(const Slice& slice) : slice_(slice), open_(slice.count, true), left_(slice.count) {}

  /// True if this attempt is one of them; then it is no longer.
  bool take(TaskIndex index, std::uint32_t attempt) {
    if (index / chunk_size != slice_.chunk) return false;
    const auto offset = static_cast<ChunkOffset>(index % chunk_size);
    std::uint32_t at = 0;
    if (slice_.offsets.empty()) {
      if (offset < slice_.first) return false;
      at = offset - slice_.first;
    } else {
      at = static_cast<std::uint32_t>(std::find(slice_.offsets.begin(), slice_.offsets.end(), offset) -
                                      slice_.offsets.begin());
    }
    if (at >= slice_.count || !open_[at] || slice_.attempt_at(at) != attempt) return false;
    open_[at] = false;
    --left_;
    return true;
  }
  bool none() const { return left_ == 0; }

  /// Leaves them in the slice.
  void put_into(Slice& slice) const {
    std::vector<ChunkOffset> offsets;
    std::vector<std::uint32_t> attempts;
    for (std::uint32_t i = 0; i < slice_.count; ++i) {
      if (!open_[i]) continue;
      offsets.push_back(slice_.offset_at(i));
      attempts.push_back(slice_.attempt_at(i));
    }
    slice.count = left_;
    slice.offsets = std::move(offsets);
    slice.attempts = std::move(attempts);
    slice.first = *std::min_element(slice.offsets.begin(), slice.offsets.end());
  }

 private:
  const Slice slice_;
  std::vector<bool> open_;
  std::uint32_t left_;
};

void add_completion(Completions& done, std::string& body, const LeaseOutcome& outcome) {
  body += done.count == 0 ? '[' : ',';
  body += *outcome.text;
  done.offsets.push_back(static_cast<ChunkOffset>(outcome.index % chunk_size));
  done.attempts.push_back(outcome.attempt);
  done.ends.push_back(static_cast<std::uint32_t>(body.size()));
  ++done.count;
}

/// Lists that say nothing beyond a first and a count are left out.
void shorten(Completions& done) {
  if (done.count == 0) return;
  done.first = done.offsets.front();
  bool in_order = true;
  for (std::uint32_t i = 0; i < done.count; ++i) in_order = in_order && done.offsets[i] == done.first + i;
  if (in_order) done.offsets.clear();
  if (std::all_of(done.attempts.begin(), done.attempts.end(), [](auto attempt) { return attempt == 1; }))
    done.attempts.clear();
}

FailedAttempt failed_attempt(LeaseOutcome& outcome) {
  FailedAttempt failure;
  failure.offset = static_cast<ChunkOffset>(outcome.index % chunk_size);
  failure.attempt = outcome.attempt;
  failure.verdict = outcome.dead        ? FailedAttempt::Verdict::dead
                    : outcome.permanent ? FailedAttempt::Verdict::permanent
                                        : FailedAttempt::Verdict::retry;
  if (outcome.dead) failure.code = ErrorCode::unresolvable;
  failure.retry_after = outcome.retry_after;
  failure.error = std::move(outcome.text);
  failure.progress = std::move(outcome.progress);
  return failure;
}

}  // namespace

Report Engine::report_of(const Now& now, const Lease& lease) const {
  Report report;
  report.round = lease.slice.round;
  report.chunk = lease.slice.chunk;
  report.incarnation = setup_.incarnation;  // the lease is what fences it
  report.worker = lease.worker;
  report.started_at = report.finished_at = now.time;
  return report;
}

void Engine::report(const Now& now, const std::string& worker, std::vector<LeaseReport> reports, RequestId request) {
  if (const auto known = remote_.workers.find(worker); known != remote_.workers.end())
    known->second.last_seen = now.time;
  Answer answer{request, std::nullopt, {}, {}};
  for (auto& told : reports) {
    const auto status = remote_.leases.contains(told.lease) ? take_report(now, worker, told) : LeaseStatus::gone;
    answer.leases.emplace_back(told.lease, status);
  }
  // What was reported before, and is not durable yet, is not told either.
  hold_or_do(std::move(answer));
}

LeaseStatus Engine::take_report(const Now& now, const std::string& worker, LeaseReport& told) {
  auto& held = remote_.leases.at(told.lease);
  const bool changes_hands = !worker.empty() && held.lease.worker != worker;
  if (!worker.empty()) {
    held.lease.worker = worker;
    held.holder.clear();
  }
  Remaining remaining(held.lease.slice);
  auto report = report_of(now, held.lease);
  report.artifacts = std::move(told.artifacts);
  std::string body;
  for (auto& outcome : told.outcomes) {
    if (!remaining.take(outcome.index, outcome.attempt)) continue;
    if (outcome.kind != LeaseOutcome::Kind::returned) report.busy_ns += outcome.took_us * 1000;
    switch (outcome.kind) {
      case LeaseOutcome::Kind::completed: add_completion(report.completed, body, outcome); break;
      case LeaseOutcome::Kind::failed: report.failed.push_back(failed_attempt(outcome)); break;
      case LeaseOutcome::Kind::returned:
        report.returned.push_back(static_cast<ChunkOffset>(outcome.index % chunk_size));
        break;
    }
  }
  if (report.completed.count > 0) report.completed.body = make_text(body + "]");
  shorten(report.completed);
  report.started_at -= std::chrono::duration_cast<Milliseconds>(std::chrono::nanoseconds(report.busy_ns));

  const auto ran = report.completed.count + static_cast<std::uint32_t>(report.failed.size());
  const auto id = told.lease;
  // Somebody asks how it stands with the lease, or says again what was heard.
  if (ran == 0 && report.returned.empty() && report.artifacts.empty()) {
    held.expires = now.time + setup_.lease_term;
    if (changes_hands) put_lease(id, &held.lease);
    return held.status;
  }
  const auto job = held.lease.slice.job;
  const auto type = held.lease.task_type;
  note_cost(type, report.busy_ns, ran);
  limits_.ended(type, ran + static_cast<std::uint32_t>(report.returned.size()));
  if (setup_.observer) setup_.observer->reported(type, held.lease.slice.offered_at, report);
  auto status = LeaseStatus::gone;
  if (remaining.none()) {
    end_lease(id);
  } else {
    status = held.status;
    held.expires = now.time + setup_.lease_term;
    remaining.put_into(held.lease.slice);
    put_lease(id, &held.lease);
  }
  auto* entry = live(job);
  if (!entry) return status;
  step_task(now, *entry, type, TasksReported{std::move(report)});
  if (auto* still = live(job)) {
    save_in_next_batch(*still);  // together with the lease: who reports forgets what the lease does not have any more
    tell_progress(now, *still);
  }
  return status;
}

}  // namespace coremachine::machine
