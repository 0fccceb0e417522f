#pragma once

#include <cstddef>
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

namespace coremachine {

namespace runtime {
class Shell;
}

struct MachineOptions {
  JobRegistry* jobs = nullptr;           ///< null: the process-wide one; frozen by the machine
  TaskRegistry* tasks = nullptr;         ///< likewise
  std::string store = "memory:";         ///< or `sqlite:PATH`
  std::optional<unsigned> workers = {};  ///< tasks that run at a time; default: one for each processor
  unsigned handlers = 4;                 ///< job handlers that run at a time
  unsigned coroutines = 256;             ///< coroutine tasks in flight
  std::size_t max_jobs = 1'000'000;      ///< not over; more are refused as `overloaded`
  Milliseconds grace{10'000};            ///< for attempts that were asked to end
  Milliseconds drain_limit{30'000};      ///< for what runs when the machine stops
  unsigned poison_deaths = 5;            ///< deaths of the process, running it alone, that end a task
  Milliseconds alone_at_most{30'000};    ///< how long what ran when the process died runs alone, before others join it
  /// Params and results whose JSON text has more bytes are kept as artifacts, and a reference stands for them; from 1
  /// KiB to 16 MiB.
  std::size_t large_value = std::size_t{1} << 20U;
  Services services = {};  ///< what task handlers ask their context for
  /// How long a job is kept after it ended so; one that ended otherwise is kept until somebody deletes it.
  std::map<JobStatus, Milliseconds> retention = {};
  /// Called with what an operator should know, from any thread; null: standard error.
  std::function<void(std::string_view message)> log = {};
};

/// Something that happened to a job, in order of `sequence`.
struct JobEvent {
  JobId job;
  std::uint64_t sequence = 0;
  std::string name;  ///< `job.accepted`, `stage.started`, `progress`, …, `job.<status>`
  json::object data;
};

struct SubmitOptions {
  int priority = 0;  ///< −100 … 100, higher first
  std::vector<std::string> tags = {};
  std::optional<Timestamp> run_at = {};
  std::optional<Milliseconds> delay = {};    ///< from now, in place of `run_at`
  std::optional<Milliseconds> timeout = {};  ///< of the whole job, from when it begins
  /// A second submission with the same key, type and params is the first one; with others it is refused.
  std::string idempotency_key = {};
  /// Called for all that happens to the job, from its acceptance to its end, as by `subscribe`.
  std::function<void(const JobEvent&)> listener = {};
};

/// What became of a submission.
struct Accepted {
  JobId job;
  bool existing = false;  ///< it had been made before, and is that job
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

  /// The content of an artifact, by the id in its reference; `store_missing` if there is none.
  Result<std::string> artifact(std::string_view id, std::uint64_t limit = std::uint64_t{1} << 30U) const;
  /// The same, to be read piece by piece; it stays readable when the artifact is collected.
  Result<std::unique_ptr<ArtifactContent>> open_artifact(std::string_view id) const;
  /// What a reference in params or a result stands for, if that is JSON.
  Result<json::value> artifact_value(const json::value& reference) const;

  /// For all tasks of this type; in force at once and kept. A limit without any number takes it away.
  Result<void> set_limit(std::string_view task_type, const TypeLimit& limit);
  std::map<std::string, TypeLimit> limits() const;

  /// Calls `listener` for what happens from now on, on a thread of the machine: it must not block. Ends by itself
  /// with the job.
  Subscription subscribe(JobId job, std::function<void(const JobEvent&)> listener);

  /// Takes no new jobs, lets what runs end within the drain limit, and closes the store. Unfinished jobs go on at the
  /// next start. Called again it does nothing.
  void stop();

  // ---- for the headers of this room ----
  using JobHandlerFunction = std::function<void(Result<JobView>)>;
  using IdHandlerFunction = std::function<void(Result<JobId>)>;
  using AcceptedHandlerFunction = std::function<void(Result<Accepted>)>;
  void accept_then(std::string_view job_type, json::object params, SubmitOptions options, AcceptedHandlerFunction then);
  void submit_then(std::string_view job_type, json::object params, SubmitOptions options, IdHandlerFunction then);
  void wait_then(JobId job, JobHandlerFunction then);
  void cancel_then(JobId job, JobHandlerFunction then);
  void run_then(std::string_view job_type, json::object params, SubmitOptions options, JobHandlerFunction then);

 private:
  std::shared_ptr<runtime::Shell> shell_;
};

}  // namespace coremachine
