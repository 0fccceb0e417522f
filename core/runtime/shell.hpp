#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "core/machine/engine.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/artifact_collector.hpp"
#include "core/runtime/boundary_runner.hpp"
#include "core/runtime/committer.hpp"
#include "core/runtime/ended_jobs.hpp"
#include "core/runtime/input.hpp"
#include "core/runtime/io_thread.hpp"
#include "core/runtime/large_values.hpp"
#include "core/runtime/machine_metrics.hpp"
#include "core/runtime/peers_duty.hpp"
#include "core/runtime/pool.hpp"
#include "core/runtime/retention.hpp"
#include "core/runtime/running_record.hpp"
#include "core/runtime/slice_runner.hpp"
#include "core/runtime/uploads.hpp"

namespace coremachine::runtime {

class ScheduleDuty;

struct ShellSetup {
  MachineOptions options;
  std::unique_ptr<Store> store;
  LargeValues::Open open_artifacts = {};
  std::string running_record;                              ///< path of the file; empty: kept nowhere
  std::function<void(std::string_view)> fault_point = {};  ///< called before and after every action, by tests
  std::function<Timestamp()> schedule_clock = {};          ///< what schedules go by; the wall clock if empty
};

/// The world around the engine: threads, clock, store. Inputs gather in an inbox; whoever finds nobody driving takes
/// the engine's part and drives until the inbox is empty: a pool thread that just finished something, most of the
/// time, so that a small job is carried from step to step without waking anyone.
class Shell {
 public:
  explicit Shell(ShellSetup setup);
  ~Shell();

  Result<Submission> check(std::string_view job_type, const json::object& params, const SubmitOptions& options);
  std::optional<Error> check_limit(std::string_view task_type, const TypeLimit& limit) const;
  void post(Input input);

  Result<JobView> stored_view(JobId job) const;
  EndedJobs& ended_jobs() { return ended_jobs_; }
  const Store& store() const { return *setup_.store; }
  /// What `read` makes of the store, which stays open meanwhile; what the store throws is an error then. `draining` if
  /// the machine has stopped.
  template <class Read>
  auto reading(const Read& read) const -> Result<std::invoke_result_t<Read, const Store&>> {
    const std::shared_lock lock(store_mutex_);
    if (!setup_.store) return Error{ErrorCode::draining, "the machine has stopped"};
    try {
      return read(*setup_.store);
    } catch (const Failure& failure) {
      return failure.error();
    }
  }
  LargeValues& large_values() { return large_values_; }
  Uploads& uploads() { return uploads_; }
  const MachineMetrics& metrics() const { return metrics_; }
  const Logger& logger() const { return *log_; }
  ScheduleDuty& schedules() { return *schedules_; }
  Timestamp now() const;
  void stop();

  // shell_remote.cpp
  Result<machine::Taker> taker_of(RemoteWorker worker) const;
  std::string resolver_of(const std::string& task_type) const;
  Milliseconds lease_term() const { return setup_.options.lease_term; }
  void off_the_driver(std::function<void()> work);
  /// Why a job that is not over is not here, where no other machine has it either.
  Reason why_nobodys(const JobView& job) const;
  PeersDuty* peers() { return peers_.get(); }
  Incarnation incarnation() const { return incarnation_; }

 private:
  enum class Role : std::uint8_t { pool, committer, outside };
  void enqueue_and_drive(Input input, Role role);
  void drive(Role role);
  void handle(Input& input, const Now& now);
  void give_batch();
  std::optional<std::chrono::nanoseconds> worth_holding() const;
  void carry_out(std::vector<machine::Action> actions);
  void run_slice(machine::RunSlice work);
  void take_back(machine::SliceId slice, bool stop);
  void take_back(const machine::RecallBoundary& recall);
  LargeValues::Setup large_values_setup();
  void open_artifacts();
  void load(const machine::LoadJob& load);
  void load_settings();
  void submit(const Now& now, SubmitInput& input, machine::RequestId request);
  std::optional<SubmissionKey> find_key(const std::string& key) const;
  Result<std::optional<JobId>> submitted_before(const Submission& submission) const;
  void look_for_old_jobs();
  std::optional<Timestamp> watch(const Now& now);
  void give_up(std::shared_ptr<SliceState> slice);
  void announce(const machine::Announce& announce);
  void note_drained();
  bool wait_drained(Milliseconds at_most);
  static bool refuse(Input& input, const Error& error);
  void finish(machine::RequestId request, machine::Answer&& answer);
  void store_failed(const Error& error);
  void recover();
  machine::Capacity capacity();
  Now draw();
  JobId make_id(Timestamp created);
  void reach(std::size_t action, const char* side) const;

  // shell_status.cpp
  void log(const std::string& message) const;
  LogLevel all_is_well() const;
  machine::Tell told() const;
  void note_start(std::size_t unfinished) const;
  void note(const machine::Announce& announce) const;
  void look_at(SliceState& slice, const Report& report);
  void note_failures(const machine::RunSlice& work, const Report& report) const;
  void note_commit(std::chrono::nanoseconds took, const Batch& batch);
  std::vector<QueueStatus> queue_status(const Now& now) const;
  WorkerStatus worker_status(const Now& now) const;

  // shell_remote.cpp
  std::vector<std::pair<machine::SliceId, Lease>> read_leases() const;
  void recover_leases();
  std::vector<Peers::JobKind> job_kinds() const;
  std::size_t adopt_unfinished();
  std::size_t adopt_left(Peers& peers);
  void join(Peers& peers);
  void take_up(const std::vector<JobId>& jobs, std::uint32_t deaths);
  std::vector<WorkerStatus> remote_workers() const;

  ShellSetup setup_;
  JobRegistry& jobs_;
  TaskRegistry& tasks_;
  std::shared_ptr<Logger> log_;
  MachineMetrics metrics_;
  unsigned workers_ = 0;
  Timestamp started_at_{};
  Retention retention_;
  EndedJobs ended_jobs_;
  LargeValues large_values_;
  Uploads uploads_{large_values_};
  std::unique_ptr<ArtifactCollector> collector_;
  std::unique_ptr<RunningRecord> record_;
  std::unique_ptr<machine::Engine> engine_;
  std::unique_ptr<SliceRunner> slice_runner_;
  std::unique_ptr<BoundaryRunner> boundary_runner_;
  std::unique_ptr<IoThread> io_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Pool> pool_;
  std::shared_ptr<ScheduleDuty> schedules_;
  std::unique_ptr<PeersDuty> peers_;
  std::atomic<bool> is_first_{false};  ///< of all machines on this store

  std::mutex inbox_mutex_;
  std::vector<Input> inbox_;
  bool driving_ = false;

  // Of whoever writes a batch, one at a time.
  static constexpr std::chrono::seconds slow_commit{1};
  std::chrono::steady_clock::time_point sized_at_{};  ///< when the store was last measured
  std::optional<std::chrono::steady_clock::time_point> slow_told_at_ = {};

  // Of the driver alone.
  std::vector<Input> inputs_;  ///< that it handles; its room is used again
  Incarnation incarnation_ = 0;
  JobId last_id_ = {};
  std::uint64_t entropy_ = 0;
  machine::RequestId last_request_ = 0;
  struct Request {
    Then then;
    bool is_submission = false;
  };
  std::unordered_map<machine::RequestId, Request> requests_;
  /// Submitters that were answered since the last commit, and have not come with another submission yet.
  std::size_t returning_ = 0;
  std::unordered_map<JobId, std::vector<std::weak_ptr<Listener>>> listeners_;
  std::unordered_map<JobId, std::shared_ptr<Listener>> own_listeners_;  ///< that came with the submission
  std::vector<machine::RunBoundary> new_boundaries_;
  std::vector<std::shared_ptr<SliceState>> new_slices_;
  std::unordered_map<machine::SliceId, std::shared_ptr<SliceState>> slices_;
  std::optional<std::chrono::steady_clock::time_point> held_since_;
  std::optional<Timestamp> armed_;
  std::vector<machine::SliceId> watched_;  ///< those that have to end in time
  /// Work that takes longer than this is not queued ahead of the threads.
  static constexpr double long_ms = 5.0;
  double slice_ms_ = 1.0;     ///< that a slice typically takes
  double boundary_ms_ = 1.0;  ///< likewise
  bool failed_ = false;
  Error failure_ = {};

  std::mutex cancelled_mutex_;
  std::unordered_map<JobId, BoundaryNumber> cancelled_boundaries_;

  std::mutex drain_mutex_;
  std::condition_variable drain_changed_;
  std::atomic<bool> drain_wanted_{false};
  bool drained_ = false;
  std::atomic<bool> pool_gone_{false};
  std::atomic<bool> told_to_end_{false};
  bool refuses_requests_ = false;  ///< guarded by inbox_mutex_

  mutable std::shared_mutex store_mutex_;  ///< held shared by those who read, by who closes it alone

  std::mutex stop_mutex_;
  bool stopped_ = false;
};

}  // namespace coremachine::runtime
