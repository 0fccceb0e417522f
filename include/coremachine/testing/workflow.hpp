#pragma once

#include <memory>
#include <string_view>

#include <coremachine/model/view.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/runtime/core_machine.hpp>

namespace coremachine::testing {

/// Runs jobs in the calling thread under a clock of its own: no thread, no sleep, no file. The engine, the joins, the
/// retries and the batches are those of the real machine. Coroutine handlers cannot be called here.
class COREMACHINE_API Workflow {
 public:
  /// The registries are frozen.
  Workflow(JobRegistry& jobs, TaskRegistry& tasks);
  ~Workflow();
  Workflow(const Workflow&) = delete;
  Workflow& operator=(const Workflow&) = delete;

  /// Throws Failure if the machine would refuse it.
  JobId submit(std::string_view job_type, json::object params = {}, SubmitOptions options = {});

  /// Until nothing is left to do at this time; what waits for a later one stays.
  void run();
  /// Moves the clock, stopping at every time that somebody waits for, and runs what comes due.
  void advance(Milliseconds by);
  /// Runs and moves the clock until the job is over. Throws Failure (not_finished) if it never would be, as a paused
  /// one.
  JobView run_to_end(JobId job);
  /// `submit` and `run_to_end`.
  JobView run_to_end(std::string_view job_type, json::object params = {}, SubmitOptions options = {});

  JobView job(JobId job) const;
  /// What a reference in params or a result stands for, if that is JSON. Throws Failure.
  json::value artifact_value(const json::value& reference) const;
  void cancel(JobId job);
  void pause(JobId job);
  void resume(JobId job);
  void retry(JobId job);
  void signal(JobId job, std::string_view name, json::value data = {});

  /// What a crash of the process loses is lost: all that was not committed. The next machine goes on from the rest.
  void crash();

  Timestamp now() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Calls one function set of a job handler without any machine: which tasks a stage has, what becomes of given
/// results. Results are given in index order.
class COREMACHINE_API HandlerProbe {
 public:
  explicit HandlerProbe(const JobHandler& handler, json::object params = {});

  std::vector<TaskDefinition> tasks(int stage) const;
  /// Remembers the result, as the machine would, so that later calls see it.
  json::object aggregate(int stage, const std::vector<json::value>& results);
  /// The same of a stage that folds. The results are divided and ordered in several ways, as a machine might; throws
  /// Failure (handler_contract) if they do not all come to the same.
  json::object fold(int stage, const std::vector<json::value>& results, std::vector<TaskFailureRecord> failures = {});
  /// All tasks of a lazy stage, pull by pull; `at_once` is how many are enough for one.
  std::vector<TaskDefinition> pulled(int stage, std::size_t at_once = 100) const;
  bool advances(int stage) const;
  std::optional<int> next(int stage) const;
  json::object final_result() const;
  /// What a reference in a result stands for, if that is JSON. Throws Failure.
  json::value artifact_value(const json::value& reference) const;

 private:
  struct Kept;
  JobContext::State state() const;
  const JobHandler& handler_;
  json::object params_;
  std::map<int, json::object> results_;
  std::shared_ptr<Kept> kept_;  ///< artifacts
};

}  // namespace coremachine::testing
