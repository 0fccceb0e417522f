#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/machine/engine.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/boundary_runner.hpp"
#include "core/runtime/slice_runner.hpp"

namespace coremachine::testing {

/// The world around the engine without threads and with a clock that only moves when told: every pending thing lies
/// open, and whoever holds the shell decides what happens next. Behind Workflow it happens in order; a simulation
/// draws, and lets things come twice, late or never.
class LoneShell {
 public:
  LoneShell(const JobRegistry& jobs, const TaskRegistry& tasks, Store& store, Timestamp start);

  // ---- what a user does ----
  JobId submit(Submission submission, machine::Engine::Until until = machine::Engine::Until::accepted);
  machine::RequestId control(JobId job, machine::Control verb);
  machine::RequestId signal(JobId job, Signal signal);
  machine::RequestId explain(JobId job);
  machine::RequestId set_limit(const std::string& type, const TypeLimit& limit);
  machine::RequestId remove(JobId job);
  machine::RequestId await_end(JobId job);
  /// Follows the job; the answer has it as it was then.
  machine::RequestId catch_up(JobId job);
  machine::RequestId ask_tasks(JobId job, const machine::LiveAsk& ask);

  // ---- what workers elsewhere do: they outlive a crash ----
  machine::RequestId poll(machine::Taker taker, std::uint32_t max_tasks);
  machine::RequestId renew(const machine::Taker& taker, std::vector<machine::LeaseRenewed> leases);
  machine::RequestId report(const std::string& worker, std::vector<machine::LeaseReport> reports);
  /// Runs the first `tasks` of a lease, without a word to the engine.
  machine::LeaseReport run_leased(const machine::RunSlice& lease, std::uint32_t tasks = UINT32_MAX);

  // ---- what lies open ----
  struct PendingReport {
    machine::SliceId slice = 0;
    Report report;
    bool last = true;
  };
  std::vector<machine::RunBoundary> boundaries;
  std::vector<machine::RunSlice> slices;
  std::vector<PendingReport> reports;
  std::vector<std::pair<JobId, BoundaryDecided>> decisions;
  std::optional<Batch> batch;  ///< closed, not yet in the store
  std::optional<CommitSequence> unacknowledged;
  std::vector<machine::Answer> answers;
  std::vector<machine::RunSlice> leases;                ///< that workers elsewhere were given
  std::function<void(const machine::Action&)> observe;  ///< called with every action in turn; may be empty
  Milliseconds lease_term{2'000};
  std::uint8_t poison_deaths = machine::Rules{}.poison_deaths;  ///< from the next start on, as is the term
  std::size_t full_batch = machine::EngineSetup{}.full_batch;   ///< likewise
  std::size_t open_slices = 4;        ///< so many slices lie open at once: enough that they can end in any order
  std::size_t threads = open_slices;  ///< the slices beyond wait for one
  std::uint64_t task_ns = 100'000;    ///< what each task is said to have taken, which decides how many make a slice

  // ---- what can happen next ----
  void run_boundary(std::size_t which);
  /// Runs all tasks of the slice, into one report.
  void run_slice(std::size_t which);
  void deliver_report(std::size_t which);
  void deliver_decision(std::size_t which);
  bool close_batch();
  /// Gives the closed batch to the store; false if it does not take it, and then it stays.
  bool write_batch();
  void acknowledge();
  void advance_to(Timestamp time);
  /// Everything that is not in the store is lost, and a new engine starts from what is.
  void crash(const std::vector<machine::Suspect>& suspects = {});

  /// Everything that can happen at this time, in order, until nothing is left.
  void settle();
  /// The same, or until `done` says so.
  void settle_until(const std::function<bool()>& done);

  void follow(JobId job) { engine_->follow(job, true); }

  runtime::LargeValues& large_values() { return large_values_; }
  Timestamp now() const { return now_.time; }
  machine::Engine& engine() { return *engine_; }
  const machine::Engine& engine() const { return *engine_; }

 private:
  void start(const std::vector<machine::Suspect>& suspects);
  Now draw();
  /// Takes the engine's actions in.
  void collect();
  void take_back(machine::SliceId slice);
  void take_back(const machine::RecallBoundary& recall);

  const JobRegistry& jobs_;
  const TaskRegistry& tasks_;
  Store& store_;
  Now now_;
  std::uint64_t ids_ = 0;
  machine::RequestId last_request_ = 0;
  std::unique_ptr<machine::Engine> engine_;
  runtime::LargeValues large_values_;
  runtime::BoundaryRunner boundary_runner_;
  runtime::SliceRunner slice_runner_;
  runtime::RunningRecord::Slot slot_;
};

}  // namespace coremachine::testing
