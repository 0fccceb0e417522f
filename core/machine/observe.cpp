// What those who look on are told: counts, queues, and announcements of jobs that nobody follows.

#include <utility>

#include "core/machine/engine.hpp"

namespace coremachine::machine {
namespace {

bool is_told(const Publish& publish, Tell tell) {
  switch (tell) {
    case Tell::nothing: return false;
    case Tell::failures:
      if (publish.kind == PublishedKind::task_failed) return true;
      return publish.kind == PublishedKind::job_ended &&
             (publish.status == JobStatus::failed || publish.status == JobStatus::dead);
    case Tell::everything: return true;
  }
  return false;
}

}  // namespace

/// Counts what is published; true if somebody is to be told of it.
bool Engine::observe(const Live& entry, const Publish& publish) const {
  if (setup_.observer) {
    if (publish.kind == PublishedKind::job_accepted) setup_.observer->job_accepted(entry.job);
    if (publish.kind == PublishedKind::job_ended) setup_.observer->job_ended(entry.job);
    if (publish.kind == PublishedKind::stage_completed && publish.counts.cancelled > 0)
      setup_.observer->tasks_cancelled(publish.counts.cancelled);
  }
  return entry.followers > 0 || is_told(publish, tell_);
}

Announce Engine::announcement(const Live& entry, Publish what) const {
  Announce announce{entry.job.id, std::move(what), entry.job.type, entry.job.traceparent, {}};
  if (announce.what.kind == PublishedKind::job_ended) announce.error = entry.job.error;
  return announce;
}

/// A step that ends tasks of one type only, if any.
void Engine::step_task(const Now& now, Live& entry, const std::string& task_type, Event event) {
  if (!setup_.observer || !entry.job.round) return step_job(now, entry, std::move(event));
  Effects effects;
  const auto before = entry.job.round->counts;
  step(entry.job, std::move(event), now, setup_.rules, effects);
  const auto& after = entry.job.round->counts;
  const auto tell = [&](TaskStatus status, std::uint64_t count) {
    if (count > 0) setup_.observer->tasks_ended(task_type, status, count);
  };
  tell(TaskStatus::completed, after.completed - before.completed);
  tell(TaskStatus::failed, after.failed - before.failed);
  tell(TaskStatus::dead, after.dead - before.dead);
  apply(now, entry, effects);
}

std::map<std::string, QueueState> Engine::queues() const {
  std::map<std::string, QueueState> queues;
  for (const auto& [type, traits] : setup_.task_types) queues[type];
  for (const auto& type : setup_.disabled_types) queues[type];
  for (const auto& [type, depth] : backlog_.depths()) {
    queues[type].depth = depth.tasks;
    queues[type].oldest = depth.oldest;
  }
  for (const auto& type : setup_.declared_types) queues[type];
  for (const auto& [id, out] : outstanding_) queues[out.task_type].running += out.left;
  for (const auto& [id, held] : remote_.leases) queues[held.lease.task_type].running += held.lease.slice.count;
  for (auto& [type, queue] : queues) {
    if (const auto* limit = limits_.find(type)) queue.limit = *limit;
    queue.available = can_run(type);
  }
  return queues;
}

void Engine::note_holder(const std::string& worker, const std::vector<SliceId>& leases) {
  for (const auto lease : leases) {
    if (const auto found = remote_.leases.find(lease); found != remote_.leases.end()) found->second.holder = worker;
  }
}

}  // namespace coremachine::machine
