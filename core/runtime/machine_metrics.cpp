#include "core/runtime/machine_metrics.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <coremachine/model/status.hpp>

namespace coremachine::runtime {
namespace {

/// What no registry has.
const std::string other = "other";

constexpr std::array row_steps{1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0};

constexpr std::array ended_tasks{TaskStatus::completed, TaskStatus::failed, TaskStatus::dead};
constexpr std::array ended_jobs{JobStatus::completed, JobStatus::completed_with_errors, JobStatus::failed,
                                JobStatus::dead, JobStatus::cancelled};

template <class Status, std::size_t Size>
std::size_t place_of(const std::array<Status, Size>& all, Status status) {
  return static_cast<std::size_t>(std::find(all.begin(), all.end(), status) - all.begin());
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// In the order of their names, so that the text does not change its order from one time to the next.
template <class Of>
std::map<std::string, const Of*> sorted(const std::unordered_map<std::string, std::unique_ptr<Of>>& all) {
  std::map<std::string, const Of*> by_name;
  for (const auto& [name, of] : all) by_name.emplace(name, of.get());
  return by_name;
}

MetricSample labelled(MetricSample sample, MetricLabels labels) {
  sample.labels = std::move(labels);
  return sample;
}

Metric single(std::string name, std::string help, MetricKind kind, MetricSample sample) {
  return Metric{std::move(name), std::move(help), kind, {std::move(sample)}};
}

}  // namespace

MachineMetrics::MachineMetrics(const JobRegistry& jobs, const TaskRegistry& tasks) : commit_rows_(row_steps) {
  for (const auto& info : tasks.list_all_info()) tasks_.emplace(info.name, std::make_unique<OfTaskType>());
  for (const auto& info : jobs.list_all_info()) jobs_.emplace(info.name, std::make_unique<OfJobType>());
  tasks_.try_emplace(other, std::make_unique<OfTaskType>());
  jobs_.try_emplace(other, std::make_unique<OfJobType>());
}

MachineMetrics::OfTaskType& MachineMetrics::of_task(const std::string& type) {
  const auto found = tasks_.find(type);
  return found == tasks_.end() ? *tasks_.find(other)->second : *found->second;
}

MachineMetrics::OfJobType& MachineMetrics::of_job(const std::string& type) {
  const auto found = jobs_.find(type);
  return found == jobs_.end() ? *jobs_.find(other)->second : *found->second;
}

void MachineMetrics::job_accepted(const Job& job) {
  auto& of = of_job(job.type);
  (job.attempt > 1 ? of.retried : of.accepted).add();
}

void MachineMetrics::job_ended(const Job& job) {
  const auto place = place_of(ended_jobs, job.status);
  if (place < ended_jobs.size()) of_job(job.type).ended[place].add();
}

void MachineMetrics::tasks_ended(const std::string& task_type, TaskStatus status, std::uint64_t count) {
  const auto place = place_of(ended_tasks, status);
  if (place < ended_tasks.size()) of_task(task_type).ended[place].add(count);
}

void MachineMetrics::reported(const std::string& task_type, Timestamp offered_at, const Report& report) {
  const auto ran = report.completed.count + report.failed.size();
  // What was given up, or never began, has no time of its own.
  if (ran == 0 || report.busy_ns == 0) return;
  auto& of = of_task(task_type);
  if (!report.failed.empty()) of.failed_attempts.add(report.failed.size());
  const auto waited = std::max(Milliseconds{0}, report.started_at - offered_at);
  of.schedule_to_start.observe(seconds(waited), ran);
  // Of tasks that wait for something else the thread was not busy all the time.
  const auto busy = std::max<std::chrono::nanoseconds>(std::chrono::nanoseconds{report.busy_ns},
                                                       report.finished_at - report.started_at);
  of.duration.observe(seconds(busy) / static_cast<double>(ran), ran);
}

void MachineMetrics::lease_lost(const Lease& lease) {
  leases_lost_.add(1);
  tasks_lost_.add(lease.slice.count);
}

void MachineMetrics::boundary_ran(const std::string& job_type, std::chrono::nanoseconds took) {
  of_job(job_type).boundary.observe(seconds(took));
}

void MachineMetrics::committed(std::chrono::nanoseconds took, const Batch& batch) {
  commit_.observe(seconds(took));
  const auto rows = batch.jobs.size() + batch.rounds.size() + batch.definitions.size() + batch.outcomes.size() +
                    batch.keys.size() + batch.settings.size() + batch.deletes.size();
  commit_rows_.observe(static_cast<double>(rows));
}

void MachineMetrics::add_job_metrics(std::vector<Metric>& metrics) const {
  Metric accepted{"coremachine_jobs_accepted_total", "Jobs that were accepted.", MetricKind::counter, {}};
  Metric retried{"coremachine_jobs_retried_total", "Jobs that were taken up again.", MetricKind::counter, {}};
  Metric ended{"coremachine_jobs_ended_total", "Jobs that ended, by how.", MetricKind::counter, {}};
  Metric boundary{"coremachine_boundary_duration_seconds",
                  "How long the functions of job handlers took at one boundary of stages.",
                  MetricKind::histogram,
                  {}};
  for (const auto& [name, of] : sorted(jobs_)) {
    accepted.samples.push_back(labelled(of->accepted.sample(), {{"job_type", name}}));
    retried.samples.push_back(labelled(of->retried.sample(), {{"job_type", name}}));
    for (std::size_t i = 0; i < ended_jobs.size(); ++i) {
      const std::string status(to_string(ended_jobs[i]));
      ended.samples.push_back(labelled(of->ended[i].sample(), {{"job_type", name}, {"status", status}}));
    }
    boundary.samples.push_back(labelled(of->boundary.sample(), {{"job_type", name}}));
  }
  metrics.insert(metrics.end(), {std::move(accepted), std::move(retried), std::move(ended), std::move(boundary)});
  metrics.push_back(
      single("coremachine_jobs_unfinished", "Jobs that are not over.", MetricKind::gauge, live_jobs.sample()));
}

void MachineMetrics::add_task_metrics(std::vector<Metric>& metrics) const {
  Metric ended{"coremachine_tasks_ended_total", "Tasks that ended for good, by how.", MetricKind::counter, {}};
  Metric attempts{"coremachine_task_attempts_failed_total",
                  "Attempts that failed, also those that were tried again.",
                  MetricKind::counter,
                  {}};
  Metric duration{"coremachine_task_duration_seconds", "How long attempts took.", MetricKind::histogram, {}};
  Metric waited{"coremachine_schedule_to_start_seconds",
                "How long tasks waited, from when they might run to when they did.",
                MetricKind::histogram,
                {}};
  for (const auto& [name, of] : sorted(tasks_)) {
    for (std::size_t i = 0; i < ended_tasks.size(); ++i) {
      const std::string status(to_string(ended_tasks[i]));
      ended.samples.push_back(labelled(of->ended[i].sample(), {{"task_type", name}, {"status", status}}));
    }
    attempts.samples.push_back(labelled(of->failed_attempts.sample(), {{"task_type", name}}));
    duration.samples.push_back(labelled(of->duration.sample(), {{"task_type", name}}));
    waited.samples.push_back(labelled(of->schedule_to_start.sample(), {{"task_type", name}}));
  }
  metrics.insert(metrics.end(), {std::move(ended), std::move(attempts), std::move(duration), std::move(waited)});
  metrics.push_back(single("coremachine_tasks_cancelled_total", "Tasks of ended stages that were not wanted any more.",
                           MetricKind::counter, cancelled_.sample()));
  metrics.push_back(single("coremachine_leases_lost_total",
                           "Leases of workers elsewhere that were not renewed, and whose tasks were taken back.",
                           MetricKind::counter, leases_lost_.sample()));
  metrics.push_back(single("coremachine_tasks_lost_total", "Tasks of these leases of which nothing was heard.",
                           MetricKind::counter, tasks_lost_.sample()));
}

void MachineMetrics::add_store_metrics(std::vector<Metric>& metrics) const {
  metrics.push_back(single("coremachine_commit_duration_seconds", "How long batches took to become durable.",
                           MetricKind::histogram, commit_.sample()));
  metrics.push_back(single("coremachine_commit_rows", "Rows that were written in one batch.", MetricKind::histogram,
                           commit_rows_.sample()));
  metrics.push_back(single("coremachine_store_bytes", "Size of the store on disk, its log included.", MetricKind::gauge,
                           store_bytes.sample()));
  metrics.push_back(single("coremachine_store_full", "1 while the disk of the store is full and new jobs are refused.",
                           MetricKind::gauge, store_full.sample()));
  metrics.push_back(single("coremachine_store_failed",
                           "1 when the store cannot be written any more and the machine has stopped.",
                           MetricKind::gauge, store_failed.sample()));
}

std::vector<Metric> MachineMetrics::metrics() const {
  std::vector<Metric> metrics;
  add_job_metrics(metrics);
  add_task_metrics(metrics);
  add_store_metrics(metrics);
  return metrics;
}

}  // namespace coremachine::runtime
