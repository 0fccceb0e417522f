// Why a job is not finished, from what the engine knows of it.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/machine/engine.hpp"

namespace coremachine::machine {
namespace {

std::string at_time(Timestamp time) {
  return "at " + to_rfc3339(time);
}

std::uint64_t waiting_in(const Round& round, std::size_t spec) {
  return round.ready[spec].count;
}

std::optional<TaskIndex> first_in(const Round& round, std::size_t spec) {
  const auto& queue = round.ready[spec];
  if (!queue.tasks.empty()) return queue.tasks.front().index;
  if (queue.chunks.empty()) return std::nullopt;
  const auto& chunk = round.chunks[queue.chunks.front()];
  return chunk.first + chunk.fresh;
}

}  // namespace

std::string Engine::missing_handler(const Job& job) const {
  const auto type = setup_.job_types.find(job.type);
  if (type == setup_.job_types.end()) return "this program does not have the job type \"" + job.type + "\"";
  std::string known;
  for (const auto& [version, traits] : type->second) known += (known.empty() ? "" : ", ") + version;
  return "the job was submitted with version " + job.version + " of the job type \"" + job.type +
         "\", and this program has only " + known;
}

std::vector<Reason> Engine::reasons(const Now& now, const Live& entry) {
  std::vector<Reason> reasons;
  const auto add = [&](ReasonCode code, std::uint64_t count, std::optional<TaskIndex> example, std::string detail) {
    reasons.push_back(Reason{code, count, example, std::move(detail)});
  };
  const auto& job = entry.job;
  if (is_terminal(job.status)) return reasons;
  if (job.status == JobStatus::scheduled)
    add(ReasonCode::scheduled, 0, {}, "it is to begin " + at_time(job.run_at.value_or(now.time)));
  if (job.status == JobStatus::paused)
    add(ReasonCode::paused, 0, {}, "it was paused; nothing new starts until it is resumed");
  if (job.boundary) {
    const auto stage = "stage " + std::to_string(job.boundary->stage);
    if (const auto out = boundaries_out_.find(job.id); out != boundaries_out_.end()) {
      add(ReasonCode::running, 1, {},
          "the job handler's functions run for " + stage + "; they have until " + to_rfc3339(out->second.deadline));
    } else if (!traits_of(job)) {
      add(ReasonCode::no_worker, 1, {}, missing_handler(job));
    } else if (job.status != JobStatus::paused) {
      add(ReasonCode::queued, 1, {},
          "the job handler's functions for " + stage + " wait for a thread, or for what they read to be on disk");
    }
  }
  if (!job.round || job.round->phase == RoundPhase::closed || job.round->phase == RoundPhase::joined) return reasons;
  const auto& round = *job.round;
  const auto& counts = round.counts;
  if (round.policy.gate && !round.gate_open) {
    std::string detail =
        round.policy.gate->signal.empty()
            ? "stage " + std::to_string(round.stage) + " waits"
            : "stage " + std::to_string(round.stage) + " waits for the signal \"" + round.policy.gate->signal + "\"";
    if (round.policy.gate->wait) detail += ", until " + to_rfc3339(*round.started_at + *round.policy.gate->wait);
    add(ReasonCode::signal, 1, {}, std::move(detail));
    return reasons;
  }
  if (counts.running > 0) {
    std::optional<TaskIndex> example;
    if (!entry.slices.empty()) {
      example = outstanding_.at(entry.slices.front()).first;
    } else if (!entry.leases.empty()) {
      const auto& slice = remote_.leases.at(entry.leases.front()).lease.slice;
      example = TaskIndex{slice.chunk} * chunk_size + slice.offset_at(0);
    }
    add(ReasonCode::running, counts.running, example,
        round.phase == RoundPhase::stopping ? "they were asked to end, and have until the grace is over"
                                            : "handed out to " + holders(entry));
  }
  if (counts.retrying > 0 && !round.retries.empty()) {
    const auto& [due, tasks] = *round.retries.begin();
    add(ReasonCode::retrying, counts.retrying, tasks.empty() ? std::nullopt : std::optional(tasks.front()),
        "the next is tried again " + at_time(due));
  }
  if (round.phase == RoundPhase::open) explain_queued(now, round, reasons);
  return reasons;
}

bool Engine::can_run(const std::string& type) const {
  if (setup_.task_types.contains(type)) return true;
  const auto elsewhere = remote_.types.find(type);
  return elsewhere != remote_.types.end() && elsewhere->second.slots > 0;
}

/// Who has the tasks that were handed out.
std::string Engine::holders(const Live& entry) const {
  std::string names;
  std::size_t told = 0;
  std::set<std::string> workers;
  for (const auto id : entry.leases) {
    const auto& held = remote_.leases.at(id);
    const auto& worker = held.shown_worker();
    if (held.lease.slice.round == entry.job.round->number)
      workers.insert(worker.empty() ? "the queue" : "worker " + worker);
  }
  if (!entry.slices.empty() || workers.empty()) names = "local workers";
  for (const auto& worker : workers) {
    if (++told > 5) return names + " and " + std::to_string(workers.size() - 5) + " more";
    names += (names.empty() ? "" : ", ") + worker;
  }
  return names;
}

void Engine::explain_queued(const Now& now, const Round& round, std::vector<Reason>& reasons) {
  std::uint64_t told = 0;
  for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
    const auto waiting = waiting_in(round, spec);
    if (waiting == 0) continue;
    told += waiting;
    const auto& type = round.specs[spec].task_type;
    auto code = ReasonCode::queued;
    std::string detail = "they wait for their turn";
    const auto* limit = limits_.find(type);
    if (setup_.disabled_types.contains(type)) {
      code = ReasonCode::disabled;
      detail = "the task type \"" + type + "\" is disabled";
    } else if (!can_run(type)) {
      code = ReasonCode::no_worker;
      detail = "no worker has the task type \"" + type + "\" now; they wait for one that has";
    } else if (limit && limits_.allowance(type, now.time) == 0) {
      code = limit->paused ? ReasonCode::paused : ReasonCode::limit;
      detail = limit->paused ? "the task type \"" + type + "\" is paused"
                             : "the limits of the task type \"" + type + "\" let no more start now";
    } else if (round.policy.max_concurrency > 0 && round.counts.running >= round.policy.max_concurrency) {
      code = ReasonCode::limit;
      detail = "the stage runs at most " + std::to_string(round.policy.max_concurrency) + " tasks at a time";
    } else if (alone_out_) {
      detail = "a task that ran when the last process died runs alone first";
    } else if (store_full_) {
      detail = "the disk of the store is full";
    }
    if (const auto timeout = round.specs[spec].start_timeout; timeout.count() > 0)
      detail += "; a task that waits longer than " + std::to_string(timeout.count()) + " ms has failed";
    reasons.push_back(Reason{code, waiting, first_in(round, spec), std::move(detail)});
  }
  if (round.counts.queued > told) {
    reasons.push_back(
        Reason{ReasonCode::queued, round.counts.queued - told, {}, "their definitions are on their way to the disk"});
  }
}

void Engine::explain(const Now& now, JobId job, RequestId request) {
  auto* entry = live(job);
  Answer answer;
  answer.request = request;
  answer.job = job;
  if (!entry) {
    answer.error = Error{ErrorCode::unknown_job, "there is no job " + job.str()};
    actions_.emplace_back(std::move(answer));
    return;
  }
  answer.view = snapshot(entry->job);
  answer.reasons = reasons(now, *entry);
  hold_or_do(*entry, std::move(answer));
}

}  // namespace coremachine::machine
