#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/machine/action.hpp"
#include "core/machine/backlog.hpp"
#include "core/machine/limits.hpp"
#include "core/machine/observer.hpp"
#include "core/machine/remote_work.hpp"
#include "core/machine/ring.hpp"
#include "core/machine/step.hpp"
#include "core/model/batch.hpp"

namespace coremachine::machine {

/// What the engine has to know of a task type to hand its tasks out.
struct TaskTraits {
  bool coroutine = false;  ///< takes no slot while it waits
};

/// What the engine has to know of a job type.
struct JobTraits {
  Milliseconds handler_timeout{600'000};  ///< of the functions called at one boundary
};

struct EngineSetup {
  Incarnation incarnation = 1;
  CommitSequence last_commit = 0;
  Rules rules = {};
  std::unordered_map<std::string, TaskTraits> task_types = {};  ///< those that can be run here
  std::unordered_set<std::string> declared_types = {};          ///< those that run elsewhere alone
  std::unordered_set<std::string> disabled_types = {};          ///< those that are declared and may not run
  /// By name and version, those whose handlers are here; jobs of others wait.
  std::unordered_map<std::string, std::map<std::string, JobTraits>> job_types = {};
  std::size_t max_jobs = 1'000'000;         ///< not over; more are refused
  std::size_t max_open_bytes = 64U << 20U;  ///< uncommitted; beyond it nothing is handed out
  std::uint32_t slots = 1;                  ///< tasks that run at a time, for sharing small jobs out
  double slice_us = 2'000;                  ///< how much measured work a slice is
  double quick_us = 5'000;         ///< a task that takes longer does not wait behind others in a queue of threads
  Milliseconds recall_after{100};  ///< when a slice or a boundary that was handed out and not started comes back
  std::uint32_t sweep_rows = 10;   ///< of deleted jobs, at a time
  Milliseconds sweep_every{20};
  Milliseconds removed_for{60'000};  ///< how long a deleted job is known as such
  Milliseconds lease_term{30'000};   ///< of tasks that a worker elsewhere has, unless it renews it
  std::uint32_t lease_tasks = 1024;  ///< in one lease, at most
  Milliseconds save_within{250};     ///< how long a change that nobody waits for may stay unwritten
  std::size_t full_batch = 8;        ///< a batch of so many jobs is worth writing without those that just came
  Observer* observer = nullptr;      ///< may be null; outlives the engine
};

/// Tasks that occupy a thread and tasks that do not are handed out independently of each other.
enum class Lane : std::uint8_t { threads, coroutines };

/// How much can be taken now.
struct Capacity {
  std::uint32_t slices = 0;      ///< of tasks that occupy a thread
  std::uint32_t ahead = 0;       ///< so many of them would wait for a thread: for tasks that are known to be quick
  std::uint32_t coroutines = 0;  ///< tasks
  std::uint32_t boundaries = 0;
};

/// What ran when the last process died.
struct Suspect {
  JobId job;
  bool boundary = false;
  RoundNumber round = 0;
  TaskIndex index = 0;
  bool alone = false;
};

/// What waits and runs of one task type.
struct QueueState {
  std::uint64_t depth = 0;
  std::uint64_t running = 0;  ///< handed out
  std::optional<Timestamp> oldest = {};
  TypeLimit limit = {};
  bool available = false;  ///< somebody can run it
};

/// All jobs of one server: feeds `step`, decides what is handed out, gathers writes into batches, and gives out
/// actions once what they depend on is durable. Deterministic and without I/O; one caller at a time.
class Engine {
 public:
  explicit Engine(EngineSetup setup);

  // ---- what comes in ----

  /// What the answer to a submission waits for; a refusal is answered at once.
  enum class Until : std::uint8_t {
    accepted,
    shown,  ///< accepted, and answered with the job
    ended,
  };
  void submit(const Now& now, Submission submission, RequestId request, Until until, bool followed = false);
  /// The job that has this submission key, if it is not durable yet; a durable one is in the store.
  const SubmissionKey* pending_key(const std::string& key) const;
  /// The submission was made before: answered as if it had been this one, for a job that is live.
  void submitted_before(JobId job, RequestId request, Until until);
  /// A key under which a job is to be found as well; durable with the next batch.
  void add_key(SubmissionKey key);
  /// Answered when all that was written so far is durable.
  void answer_after_commit(Answer answer) { hold_or_do(std::move(answer)); }
  void control(const Now& now, JobId job, Control verb, RequestId request);
  void signal(const Now& now, JobId job, Signal signal, RequestId request, ArtifactHolds artifacts = {});
  /// Answered with the job as it is, once that is durable; unknown_job if it is not live.
  void inspect(JobId job, RequestId request);
  /// Answered with what the job waits for.
  void explain(const Now& now, JobId job, RequestId request);
  /// Answered with the tasks that are not finished, as far as was asked for, once what they come from is durable.
  void ask_tasks(JobId job, const LiveAsk& ask, RequestId request);
  /// Answered with the counts of current rounds that are kept in segments; jobs without one are left out.
  void ask_counts(const std::vector<JobId>& jobs, RequestId request);
  /// In force at once; answered when it is durable.
  void set_limit(const Now& now, const std::string& type, const TypeLimit& limit, RequestId request);
  /// As it was set before the start.
  void load_limit(const Now& now, const std::string& type, const TypeLimit& limit) {
    limits_.set(type, limit, now.time);
  }
  /// Written together and in order; answered when they are durable, as are all settings before them, and all jobs that
  /// were answered. With none, that alone is waited for.
  void set(std::vector<Setting> settings, RequestId request);
  /// A job that is over, and in the store, goes; answered when that is durable.
  void remove(const Now& now, JobId job, RequestId request);
  /// There is something to sweep, a little at a time.
  void set_garbage(bool there) { garbage_ = there; }
  /// Answered when the job is over; unknown_job if it is not live.
  void await_end(JobId job, RequestId request);
  /// Whoever waits for the end of the job waits no longer: answered with the job as it is.
  void give_up(JobId job, RequestId request);
  void follow(JobId job, bool on);
  /// What is announced of jobs that nobody follows.
  void tell(Tell what) { tell_ = what; }
  /// Follows it, and is answered with the job as it was then, once that is durable: what has a higher sequence comes
  /// as an Announce.
  void follow(const Now& now, JobId job, RequestId request);

  void boundary_decided(const Now& now, JobId job, BoundaryDecided decided);
  /// It was recalled, and had not begun.
  void boundary_returned(JobId job, BoundaryNumber boundary);
  /// Part of a slice's outcome; `last`: the slice is done with, every task of it was reported or returned.
  void slice_reported(const Now& now, SliceId slice, Report report, bool last);

  // Workers in other processes (leases.cpp). What they have stays theirs when the machine starts anew.

  /// Answered with tasks as soon as there are some that it can run, and they are on disk as handed out.
  void poll(const Now& now, Taker taker, std::uint32_t max_tasks, RequestId request);
  /// Answered with nothing, unless it was answered before.
  void give_up_poll(RequestId request);
  /// Answered when what is reported is durable.
  void report(const Now& now, const std::string& worker, std::vector<LeaseReport> reports, RequestId request);
  void renew(const Now& now, const Taker& taker, std::vector<LeaseRenewed> leases, RequestId request);
  void leave(const std::string& worker, RequestId request);
  /// Changes neither when these leases end nor who may report on them.
  void note_holder(const std::string& worker, const std::vector<SliceId>& leases);

  /// The batch of this sequence is durable.
  void committed(const Now& now, CommitSequence sequence);
  /// The disk is full, or no longer: new work is refused while it is.
  void store_is_full(bool full) { store_full_ = full; }
  void tick(const Now& now);

  /// Jobs read back at a start, rebuilt; `start` sets them going, suspects first.
  void adopt(Job job);
  /// After all jobs: what workers elsewhere had, and still have.
  void adopt_lease(const Now& now, SliceId id, Lease lease);
  void start(const Now& now, const std::vector<Suspect>& suspects);
  /// The same for jobs of a machine that is gone, and what its workers elsewhere have, while this one runs; `deaths` is
  /// that of JobRecovered.
  void take_up(const Now& now, std::vector<Job> jobs, std::vector<std::pair<SliceId, Lease>> leases,
               std::uint32_t deaths = 0);
  /// The answer to LoadJob.
  void loaded(const Now& now, RequestId request, Job job, std::optional<Round> target);
  void load_failed(RequestId request, Error error);

  void drain();
  /// What still runs has been told to end: whatever it comes to counts as never run, as if the process had died.
  void abandon() { abandoned_ = true; }

  // ---- what goes out ----

  void dispatch(const Now& now, Capacity capacity);
  std::vector<Action> take_actions() { return std::exchange(actions_, {}); }
  bool has_writes() const {
    return !dirty_.empty() || !open_.empty() || sweep_due_ || !arrivals_.empty() || !passed_over_.empty();
  }
  std::size_t dirty_jobs() const { return dirty_.size(); }
  /// A handler or a task is out that will very likely add to the open batch in a moment.
  bool more_is_coming() const { return boundaries_out_.size() + ahead_out_ > 0; }
  /// New jobs may be left to the next one if this is full without them: until then most of them are over, and are
  /// written once.
  Batch close_batch();
  std::optional<Timestamp> next_deadline() const;

  bool idle() const { return outstanding_.empty() && boundaries_out_.empty(); }
  std::size_t live_jobs() const { return jobs_.size(); }
  /// By task type: those that can run here, and those that wait although they cannot.
  std::map<std::string, QueueState> queues() const;
  const RemoteWork& remote() const { return remote_; }
  const Job* find(JobId job) const;

 private:
  /// Whether the job's row is behind. Most changes of a small job are soon overtaken by the next: they are written
  /// when something waits for them, else after a while.
  enum class Unsaved : std::uint8_t { nothing, later, next_batch };

  /// Large, and most of it empty: made `for_overwrite`, which spares it to be filled with zeros before its members are
  /// given what they are given anyway. As are copies of jobs and calls of handlers.
  struct Live {
    Job job;
    Unsaved unsaved = Unsaved::nothing;
    bool is_new = false;                      ///< not in any batch so far
    std::unique_ptr<Answer> acceptance = {};  ///< to its submission, until the job is in a batch
    std::array<bool, 2> queued = {};          ///< in the ring of that lane
    int followers = 0;
    Timestamp last_progress{};
    std::optional<Timestamp> start_timer = {};  ///< that is set
    BoundaryNumber due_boundary = 0;            ///< the call that may go out now
    std::vector<SliceId> slices = {};
    std::vector<SliceId> leases = {};
    std::vector<RequestId> waiters = {};
    Backlog::Share waiting = {};
  };
  struct Outstanding {
    JobId job;
    RoundNumber round = 0;
    std::string task_type;
    TaskIndex first = 0;
    std::uint32_t count = 0;
    std::vector<ChunkOffset> offsets = {};  ///< of its chunk; empty: from `first` on
    Timestamp handed_out{};
    std::uint32_t left = 0;
    bool ahead = false;
    bool recalled = false;
  };
  struct BoundaryOut {
    BoundaryNumber number = 0;
    Timestamp deadline{};
    Timestamp recall_at{};
    bool recalled = false;
  };
  struct Held {
    JobId job;
    Effect effect;
  };
  struct Timer {
    Timestamp at;
    TimerKind kind;
    JobId job;
    RoundNumber round;
    friend bool operator>(const Timer& a, const Timer& b) { return a.at > b.at; }
  };

  Live* live(JobId job);
  void step_job(const Now& now, Live& live, Event event);
  void apply(const Now& now, Live& live, Effects& effects);
  bool observe(const Live& live, const Publish& publish) const;
  Announce announcement(const Live& live, Publish what) const;
  void step_task(const Now& now, Live& live, const std::string& task_type, Event event);
  bool write(Live& live, EffectBody& body);
  void keep_artifacts(JobId job, ArtifactHolds holds);
  void act(const Now& now, Live& live, EffectBody& body);
  void tell_progress(const Now& now, Live& live);
  void save_later(const Now& now, Live& live);
  void save_in_next_batch(Live& live);
  void save_all_in_next_batch();
  Live* waits_for_batch(JobId job);
  void save_arrivals();
  void enqueue(const Now& now, Live& live);
  void watch_start(Live& live);
  void forget(JobId job);
  void recall(const Live& live);
  CommitSequence newest_write() const;
  void fire(const Now& now, const Timer& timer);
  void wake_limited(const Now& now);
  std::vector<Reason> reasons(const Now& now, const Live& live);
  void list_tasks(const Live& live, const LiveAsk& ask, LiveTasks& found) const;
  void count_cells(const Live& live, const LiveAsk& ask, LiveTasks& found) const;
  void explain_queued(const Now& now, const Round& round, std::vector<Reason>& reasons);
  void hold_or_do(Action action);
  void hold_or_do(Live& live, Action action);
  std::optional<Lane> lane_of(const SharedSpec& spec) const;
  const JobTraits* traits_of(const Job& job) const;
  std::string missing_handler(const Job& job) const;
  bool dispatch_boundary(const Now& now, JobId job, bool alone);
  void dispatch_lane(const Now& now, Lane lane, std::uint32_t capacity, std::uint32_t ahead);
  bool is_quick(const std::string& task_type) const;
  void dispatch_suspect(const Now& now);
  void hand_over(const Now& now, Live& live, SpecNumber spec, Slice slice, bool alone);
  std::uint32_t share(const Job& job, const SharedSpec& spec) const;
  static std::shared_ptr<const HandlerCall> make_call(const Job& job);
  void put(Setting setting);
  void note_cost(const std::string& task_type, std::uint64_t busy_ns, std::uint32_t ran);

  // leases.cpp
  bool can_run(const std::string& type) const;
  std::string holders(const Live& entry) const;
  void see(const Now& now, const Taker& taker);
  Report report_of(const Now& now, const Lease& lease) const;
  LeaseStatus take_report(const Now& now, const std::string& worker, LeaseReport& told);
  void take_progress(const Now& now, SliceId lease, LeaseRenewed renewed);
  void put_lease(SliceId id, const Lease* lease);
  void end_lease(SliceId id);
  void drop_leases(const Live& entry);
  void lose_lease(const Now& now, SliceId id);
  void expire_leases(const Now& now);
  std::uint32_t lease_share(const Job& job, const SharedSpec& spec, std::uint32_t slots) const;
  void dispatch_remote(const Now& now);
  std::vector<RunSlice> grant(const Now& now, const std::string& name, RemoteWork::Type& type, RemoteWork::Poll& poll);
  RunSlice lease_out(const Now& now, Live& entry, SpecNumber number, Slice slice, const Taker& taker, bool alone);

  EngineSetup setup_;
  std::unordered_map<JobId, std::unique_ptr<Live>> jobs_;
  std::array<Ring, 2> rings_;
  std::deque<JobId> boundaries_waiting_;
  std::unordered_map<JobId, BoundaryOut> boundaries_out_;
  std::unordered_map<SliceId, Outstanding> outstanding_;
  std::deque<std::pair<Timestamp, SliceId>> recalls_;
  std::unordered_map<std::string, double> cost_us_;
  std::deque<Suspect> suspects_;
  Limits limits_;
  Backlog backlog_;
  RemoteWork remote_;
  Tell tell_ = Tell::nothing;
  Timestamp time_{};  ///< of the last input
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;

  Batch open_;
  std::vector<JobId> dirty_;                            ///< to be saved in the next batch
  std::deque<std::pair<Timestamp, JobId>> save_later_;  ///< by when; those saved meanwhile among them
  std::vector<JobId> arrivals_;     ///< submitted since the last batch was closed; those saved meanwhile among them
  std::vector<JobId> passed_over_;  ///< left out of the last batch; likewise
  std::unordered_map<std::string, std::size_t> open_settings_;  ///< where in `open_`, by kind and name
  std::size_t open_bytes_ = 0;
  std::size_t closed_bytes_ = 0;
  CommitSequence last_closed_ = 0;
  CommitSequence durable_ = 0;
  std::map<CommitSequence, std::vector<Held>> held_;
  std::map<CommitSequence, std::vector<Action>> held_actions_;

  std::unordered_map<std::string, std::pair<SubmissionKey, CommitSequence>> pending_keys_;

  std::vector<Action> actions_;
  SliceId last_slice_ = 0;
  std::size_t ahead_out_ = 0;
  bool alone_out_ = false;
  Timestamp alone_until_{};
  bool store_full_ = false;
  bool draining_ = false;
  bool garbage_ = false;
  bool sweep_due_ = false;
  Timestamp next_sweep_{};
  std::deque<std::pair<Timestamp, JobId>> removed_;  ///< not long ago: a redrive may have read them before
  bool abandoned_ = false;
};

/// The keys under which a submission is found again.
std::vector<SubmissionKey> keys_of(const Submission& submission);

/// What readers and waiters are shown of a live job: everything but its chunks and queues.
std::shared_ptr<const Job> snapshot(const Job& job);

}  // namespace coremachine::machine
