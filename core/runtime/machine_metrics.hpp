#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/telemetry/metrics.hpp>

#include "core/machine/observer.hpp"
#include "core/model/batch.hpp"
#include "core/model/event.hpp"

namespace coremachine::runtime {

/// What a machine counts of itself. Types that no registry has are counted together, as `other`: labels do not grow
/// with what users send. Counting takes no lock; `metrics` may be called from any thread.
class MachineMetrics final : public machine::Observer {
 public:
  MachineMetrics(const JobRegistry& jobs, const TaskRegistry& tasks);

  void job_accepted(const Job& job) override;
  void job_ended(const Job& job) override;
  void tasks_ended(const std::string& task_type, TaskStatus status, std::uint64_t count) override;
  void tasks_cancelled(std::uint64_t count) override { cancelled_.add(count); }

  /// Part of what a slice came to; `offered_at` says since when its tasks might have run.
  void reported(const std::string& task_type, Timestamp offered_at, const Report& report) override;
  void lease_lost(const Lease& lease) override;
  void boundary_ran(const std::string& job_type, std::chrono::nanoseconds took);
  void committed(std::chrono::nanoseconds took, const Batch& batch);

  Gauge live_jobs;
  Gauge store_bytes;
  Gauge store_full;    ///< 1: new work is refused
  Gauge store_failed;  ///< 1: the machine has stopped

  std::vector<Metric> metrics() const;

 private:
  struct OfTaskType {
    std::array<Counter, 3> ended;  ///< completed, failed, dead
    Counter failed_attempts;
    Histogram duration{duration_bounds};
    Histogram schedule_to_start{duration_bounds};
  };
  struct OfJobType {
    Counter accepted;
    Counter retried;
    std::array<Counter, 5> ended;  ///< in the order of the statuses
    Histogram boundary{latency_bounds};
  };
  OfTaskType& of_task(const std::string& type);
  OfJobType& of_job(const std::string& type);
  void add_job_metrics(std::vector<Metric>& metrics) const;
  void add_task_metrics(std::vector<Metric>& metrics) const;
  void add_store_metrics(std::vector<Metric>& metrics) const;

  std::unordered_map<std::string, std::unique_ptr<OfTaskType>> tasks_;  ///< not changed once it is made
  std::unordered_map<std::string, std::unique_ptr<OfJobType>> jobs_;    ///< likewise
  Counter cancelled_;
  Counter leases_lost_;
  Counter tasks_lost_;
  Histogram commit_{latency_bounds};
  Histogram commit_rows_;
};

}  // namespace coremachine::runtime
