#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/model/reason.hpp>
#include <coremachine/model/view.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/runtime/queries.hpp>
#include <coremachine/runtime/remote.hpp>
#include <coremachine/runtime/schedules.hpp>
#include <coremachine/runtime/status.hpp>
#include <coremachine/runtime/told_job.hpp>
#include <coremachine/telemetry/log.hpp>
#include <coremachine/telemetry/metrics.hpp>

namespace coremachine {

/// Which of several machines on one store knows a lease.
struct LeasePlace {
  std::optional<std::uint64_t> peer = {};  ///< nothing: this one
  /// False: the machine that gave it out is gone, and its job is not over. This machine has it, or will have it in a
  /// moment, or another one.
  bool is_certain = true;
};

namespace runtime {
class Shell;
struct Ticket;
}  // namespace runtime

struct MachineOptions {
  JobRegistry* jobs = nullptr;    ///< null: the process-wide one; frozen by the machine
  TaskRegistry* tasks = nullptr;  ///< likewise
  std::string store = "memory:";  ///< or `sqlite:PATH`
  /// Tasks that run at a time; default: one for each processor. 0: all tasks are left to workers elsewhere.
  std::optional<unsigned> workers = {};
  Milliseconds lease_term{30'000};   ///< of what a worker elsewhere has, unless it renews it
  std::uint32_t lease_tasks = 1024;  ///< that a worker elsewhere is handed at once, at most; 1 to 1024
  /// Of several machines on one store: one that was not heard of for so long is taken for dead, and its jobs go to the
  /// others.
  Milliseconds server_term{15'000};
  unsigned handlers = 4;               ///< job handlers that run at a time
  unsigned coroutines = 256;           ///< coroutine tasks in flight
  std::size_t max_jobs = 1'000'000;    ///< not over; more are refused as `overloaded`
  Milliseconds grace{10'000};          ///< for attempts that were asked to end
  Milliseconds drain_limit{30'000};    ///< for what runs when the machine stops
  unsigned poison_deaths = 5;          ///< deaths of the process, running it alone, that end a task
  Milliseconds alone_at_most{30'000};  ///< how long what ran when the process died runs alone, before others join it
  /// Params and results whose JSON text has more bytes are kept as artifacts, and a reference stands for them; from 1
  /// KiB to 16 MiB.
  std::size_t large_value = std::size_t{1} << 20U;
  Services services = {};  ///< what task handlers ask their context for
  /// How long a job is kept after it ended so; one that ended otherwise is kept until somebody deletes it.
  std::map<JobStatus, Milliseconds> retention = {};
  /// Told what an operator should know of the machine and of its jobs, as records with fields (`make_log`).
  std::shared_ptr<Logger> logger = {};
  /// Without a logger: called with what an operator should know of the machine alone, as one text, from any thread;
  /// null: standard error.
  std::function<void(std::string_view message)> log = {};
  /// Called once if the store takes nothing any more, on a thread of the machine: it must not block. Until it is
  /// stopped the machine still answers what needs no writing.
  std::function<void(const Error&)> failed = {};
};

struct SubmitOptions {
  int priority = 0;  ///< −100 … 100, higher first
  std::vector<std::string> tags = {};
  std::optional<Timestamp> run_at = {};
  std::optional<Milliseconds> delay = {};    ///< from now, in place of `run_at`
  std::optional<Milliseconds> timeout = {};  ///< of the whole job, from when it begins
  /// A second submission with the same key, type and params is the first one; with others it is refused.
  std::string idempotency_key = {};
  /// Whose work the job is part of: a `traceparent` of W3C Trace Context. It is kept with the job, in its log records
  /// and events, and handlers can pass it on. What is no valid one is ignored, as if it were empty.
  std::string traceparent = {};
  /// Called for all that happens to the job, from its acceptance to its end, as by `subscribe`.
  std::function<void(const JobEvent&)> listener = {};
};

/// What became of a submission.
struct Accepted {
  JobId job;
  bool existing = false;  ///< it had been made before, and is that job
};

/// The job of a submission, as it is when the answer comes.
struct Submitted {
  ToldJob job;
  bool existing = false;  ///< it had been made before, and is that job
};

/// A wait that can be given up.
class COREMACHINE_API Waiting {
 public:
  Waiting() = default;
  Waiting(std::weak_ptr<runtime::Shell> shell, std::shared_ptr<runtime::Ticket> ticket)
      : shell_(std::move(shell)), ticket_(std::move(ticket)) {}
  /// It is answered at once, with the job as it is. Nothing happens if it was answered before.
  void give_up();

 private:
  std::weak_ptr<runtime::Shell> shell_;
  std::shared_ptr<runtime::Ticket> ticket_;
};

/// Ends the subscription when it goes.
class COREMACHINE_API Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<void> hold) : hold_(std::move(hold)) {}

 private:
  std::shared_ptr<void> hold_;
};

/// Runs jobs: fans their tasks out, joins them, and keeps everything on disk, so that nothing accepted is lost and a
/// restart goes on where the last process ended. Every function may be called from any thread. What a function tells
/// is durable when it returns. <coremachine/runtime/async.hpp> has the same for Asio programs.
class COREMACHINE_API CoreMachine {
 public:
  /// Opens the store and sets unfinished jobs going again. Throws Failure: the store cannot be opened or is in use,
  /// a registration went wrong.
  explicit CoreMachine(MachineOptions options = {});
  /// On a shell that is put together otherwise; for the tests of the engine itself.
  explicit CoreMachine(std::shared_ptr<runtime::Shell> shell);
  /// Stops.
  ~CoreMachine();
  CoreMachine(CoreMachine&&) noexcept;
  CoreMachine& operator=(CoreMachine&&) = delete;

  /// Accepted and on disk.
  Result<JobId> submit(std::string_view job_type, json::object params = {}, SubmitOptions options = {});
  /// The same, and says whether the job was there already.
  Result<Accepted> accept(std::string_view job_type, json::object params = {}, SubmitOptions options = {});
  /// The job when it is over; `timed_out` if that takes longer.
  Result<JobView> wait(JobId job, std::optional<Milliseconds> at_most = {});
  /// Submits and waits, with one wake-up less than the two calls.
  Result<JobView> run(std::string_view job_type, json::object params = {}, SubmitOptions options = {});

  Result<JobView> job(JobId job);
  /// The text of `to_json` of it, for those who pass it on.
  Result<std::shared_ptr<const std::string>> job_text(JobId job);
  /// The same where it is at hand, of a job that is over and was asked for lately; else null. Never blocks.
  std::shared_ptr<const std::string> job_text_at_hand(JobId job) const;
  Result<JobView> cancel(JobId job);
  Result<JobView> pause(JobId job);
  Result<JobView> resume(JobId job);
  /// Opens the gate of this name, now or when the job comes to it.
  Result<JobView> signal(JobId job, std::string_view name, json::value data = {});
  /// Runs again what did not complete.
  Result<JobView> retry(JobId job);

  /// Forgets a job that is over, with all that belongs to it.
  Result<void> remove(JobId job);
  /// Why the job is not finished; nothing if it is.
  Result<std::vector<Reason>> explain(JobId job);

  /// Jobs that fit, newest first. invalid_argument: the limit, the cursor or the search is none.
  Result<JobPage> jobs(const JobQuery& query = {}) const;
  /// Tasks of one round, by index; none if the job has no such round yet. invalid_argument as above, or the cursor is
  /// of a round that a retry of the job has discarded.
  Result<TaskPage> tasks(JobId job, const TaskQuery& query = {}) const;
  /// The latest round of a stage, or the current or last one, in at most `cells` ranges (1 … max_heat_cells).
  Result<HeatMap> heat_map(JobId job, std::optional<int> stage = {}, std::size_t cells = 1024) const;
  /// The same, of any round, or of a part of it.
  Result<HeatMap> heat_map(JobId job, const HeatQuery& query) const;
  /// How many jobs there are in each status: at most 250 ms old. It looks at an entry of an index for each job.
  Result<JobCounts> count_jobs() const;
  /// What has happened to the job, after the event of this sequence. Of the attempts before a retry of the job the
  /// latest are kept.
  Result<std::vector<JobEvent>> events(JobId job, std::uint64_t after = 0) const;
  /// The same, then what happens from now on, to the terminal event: without a gap and without a repeat. What has
  /// happened is told on the thread that asks, before this returns; the rest on threads of the machine, one event at
  /// a time: the listener must not block.
  Result<Subscription> follow(JobId job, std::uint64_t after, std::function<void(const JobEvent&)> listener) const;

  /// Does it to all jobs that fit and whose state allows it, a few hundred at a time; others get their turn between.
  /// Jobs that are submitted meanwhile are left alone. invalid_argument: the filter names nothing.
  Result<BulkResult> cancel_all(const BulkFilter& filter, bool dry_run = false);
  Result<BulkResult> retry_all(const BulkFilter& filter, bool dry_run = false);
  Result<BulkResult> remove_all(const BulkFilter& filter, bool dry_run = false);

  /// The content of an artifact, by the id in its reference; `store_missing` if there is none.
  Result<std::string> artifact(std::string_view id, std::uint64_t limit = std::uint64_t{1} << 30U) const;
  /// The same, to be read piece by piece; it stays readable when the artifact is collected.
  Result<std::unique_ptr<ArtifactContent>> open_artifact(std::string_view id) const;
  /// For content from outside that somebody is about to refer to, as the result of a task: it stays for an hour, and
  /// from then on if a job names it. What comes back throws Failure, and must not outlive the machine.
  Result<std::unique_ptr<NewArtifact>> new_artifact(std::string_view media_type);
  /// What a reference in params or a result stands for, if that is JSON.
  Result<json::value> artifact_value(const json::value& reference) const;

  /// For all tasks of this type; in force at once and kept. A limit without any number takes it away.
  Result<void> set_limit(std::string_view task_type, const TypeLimit& limit);
  std::map<std::string, TypeLimit> limits() const;

  // Schedules submit jobs by the calendar or at intervals, for as long as a machine runs on this store.
  // docs/guide/schedules.md has what each of them means.

  /// Refused: an id that is taken (wrong_state); an unknown job type or time zone, params that do not fit the job type
  /// and whatever else is wrong (invalid_params, with all faults). Without a name it gets one that is free.
  Result<ScheduleView> create_schedule(ScheduleSpec spec);
  /// Makes it, or puts the spec in the place of the one that it has; what it has come to stays. The name in the spec
  /// may be empty, and is `id` otherwise. Refused as by create_schedule.
  Result<SchedulePut> put_schedule(std::string_view id, ScheduleSpec spec);
  /// `unknown_schedule` if there is none of this id, as with all that follow.
  Result<ScheduleView> schedule(std::string_view id, std::size_t next_times = 5) const;
  /// A cursor that is none is invalid_argument.
  Result<SchedulePage> schedules(const ScheduleQuery& query = {}) const;
  /// Jobs that it has submitted go on.
  Result<void> remove_schedule(std::string_view id);
  /// Nothing fires until it is resumed, and what would have is not made up for. Done already: no error.
  Result<ScheduleView> pause_schedule(std::string_view id);
  Result<ScheduleView> resume_schedule(std::string_view id);
  /// Fires now, also while it is paused, under its overlap policy: wrong_state if that leaves the firing out.
  Result<ScheduleRun> run_schedule(std::string_view id);
  /// What waits and runs, by task type: those of this program and those of stored tasks that it does not have.
  Result<std::vector<QueueStatus>> queues() const;
  /// Who runs tasks, and which ones now.
  Result<std::vector<WorkerStatus>> workers() const;
  /// What the machine and its process count of themselves, for `to_prometheus`; after a failure of the store too.
  std::vector<Metric> metrics() const;

  /// Calls `listener` for what happens from now on, on a thread of the machine: it must not block. Ends by itself
  /// with the job.
  Subscription subscribe(JobId job, std::function<void(const JobEvent&)> listener);

  /// Takes no new jobs, lets what runs end within the drain limit, and closes the store. Unfinished jobs go on at the
  /// next start. Called again it does nothing.
  void stop();

  // ---- the same without a thread that waits ----
  //
  // `then` is called once, on a thread of the machine or on the caller's: it must not block. `job_then` and
  // `remove_then` read the store before they return.

  template <class Value>
  using Then = std::function<void(Result<Value>)>;
  void accept_then(std::string_view job_type, json::object params, SubmitOptions options, Then<Accepted> then);
  void submit_then(std::string_view job_type, json::object params, SubmitOptions options, Then<JobId> then);
  void run_then(std::string_view job_type, json::object params, SubmitOptions options, Then<JobView> then);
  enum class Until : std::uint8_t { accepted, over };
  /// Submits, and answers with the job; `then` has it unfinished if the wait for its end was given up.
  Waiting start_then(std::string_view job_type, json::object params, SubmitOptions options, Until until,
                     Then<Submitted> then);
  /// `then` has the job unfinished if the wait was given up.
  Waiting wait_then(JobId job, Then<JobView> then);
  void job_then(JobId job, Then<JobView> then);
  void cancel_then(JobId job, Then<JobView> then);
  void pause_then(JobId job, Then<JobView> then);
  void resume_then(JobId job, Then<JobView> then);
  void retry_then(JobId job, Then<JobView> then);
  void signal_then(JobId job, std::string_view name, json::value data, Then<JobView> then);
  void remove_then(JobId job, Then<void> then);
  void explain_then(JobId job, Then<std::vector<Reason>> then);
  void set_limit_then(std::string_view task_type, const TypeLimit& limit, Then<void> then);
  void create_schedule_then(ScheduleSpec spec, Then<ScheduleView> then);
  void put_schedule_then(std::string_view id, ScheduleSpec spec, Then<SchedulePut> then);
  void schedule_then(std::string_view id, std::size_t next_times, Then<ScheduleView> then) const;
  void schedules_then(const ScheduleQuery& query, Then<SchedulePage> then) const;
  void remove_schedule_then(std::string_view id, Then<void> then);
  void pause_schedule_then(std::string_view id, Then<ScheduleView> then);
  void resume_schedule_then(std::string_view id, Then<ScheduleView> then);
  void run_schedule_then(std::string_view id, Then<ScheduleRun> then);

  // ---- for workers in other processes (<coremachine/runtime/remote.hpp>), and what connects them ----

  /// Answered with tasks that this worker can run, as soon as there are some: at most `max_tasks`, of about 100 ms of
  /// measured work for each that it runs at a time. Empty: the wait was given up, or the machine is stopping. Only
  /// types that this machine's registry has are handed out.
  Waiting poll_then(RemoteWorker worker, std::uint32_t max_tasks, Then<std::vector<HandOut>> then);
  /// Answered when what they say is durable; a lease that is `gone` then is over. To report the same again does no
  /// harm. A result of more than `large_value` bytes is written before this returns. invalid_argument: one of them is
  /// no JSON; then none was taken.
  void report_then(std::string worker, std::vector<RemoteReport> reports, Then<std::vector<LeaseNews>> then);
  /// These leases go on, and the worker is there: to be called every third of a term, with none as well.
  void renew_then(RemoteWorker worker, std::vector<LeaseRenewal> leases, Then<std::vector<LeaseNews>> then);
  /// It takes no more. What it has stays with it until it is reported, or its term is over.
  void leave_then(std::string worker, Then<void> then);
  /// Who takes tasks for many says which workers have what now, for those who look on: when a lease ends and who may
  /// report is as before. What is gone is left alone.
  void note_holders(const std::map<std::string, std::vector<LeaseId>>& leases);

  // ---- several machines on one store ----

  /// Which other machine has this job; nothing: this one, none, or the job is over.
  Result<std::optional<std::uint64_t>> owner_elsewhere(JobId job) const;
  /// Where what is said of leases belongs. It may have to be read from the store.
  Result<std::map<LeaseId, LeasePlace>> places_of(const std::vector<LeaseId>& leases) const;
  /// Whether the job is in the store, whoever has it. It is read from the store, and nothing else is waited for.
  Result<bool> has_job(JobId job) const;
  /// Whether its store is one that several machines can share.
  bool shares_store() const;
  /// The other machines, as they were seen last.
  std::vector<std::uint64_t> peers() const;
  /// Of all of them the one that does what one has to do: schedules, submissions that are to happen once. Nothing: this
  /// one.
  std::optional<std::uint64_t> first_peer() const;
  /// What another machine is sent arrives in order, or not at all; each message perhaps twice. Nobody is told of what
  /// is lost.
  Result<void> send_to_peer(std::uint64_t peer, std::string_view message);
  /// Who takes messages from others, on a thread of the machine's, and hears that one has gone; null functions: nobody
  /// any more, when this returns. What came before the first taker it is given at once, by this call. False: this
  /// machine has its store alone.
  bool on_peers(std::function<void(std::uint64_t from, const std::string& message)> take,
                std::function<void(std::uint64_t peer)> gone);

 private:
  std::shared_ptr<runtime::Shell> shell_;
};

}  // namespace coremachine
