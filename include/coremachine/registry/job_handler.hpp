#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/registry/artifacts.hpp>
#include <coremachine/registry/lazy_stage.hpp>
#include <coremachine/registry/stage_fold.hpp>

namespace coremachine {

namespace json = boost::json;

/// One task of a stage: which handler is called, with which parameters.
struct TaskDefinition {
  std::string task_type;
  json::object parameters = {};
  std::optional<RetryPolicy> retry = {};           ///< in place of the stage's and the task type's
  std::optional<Milliseconds> timeout = {};        ///< of one attempt, likewise
  std::optional<Milliseconds> start_timeout = {};  ///< how long it may wait for a worker, likewise
  bool critical = false;                           ///< what a JoinCritical asks for
};

/// What a function of a job handler knows of its job.
/// Made for one call and used on one thread; nothing in it outlives the call.
class COREMACHINE_API JobContext : public ArtifactUser {
 public:
  struct State {
    JobId job_id;
    std::string job_type;
    std::uint32_t round = 0;
    std::uint32_t attempt = 1;
    std::shared_ptr<const std::string> params;                        ///< JSON text of an object
    std::map<int, std::shared_ptr<const std::string>> stage_results;  ///< JSON text, by stage
    std::function<bool()> cancelled = {};
    int stage = 0;                                 ///< that has ended just now; 0: none
    std::map<int, std::uint32_t> defined_in = {};  ///< the round with the tasks of each that ended
    Artifacts* artifacts = nullptr;
  };

  explicit JobContext(State state);
  ~JobContext();
  JobContext(const JobContext&) = delete;
  JobContext& operator=(const JobContext&) = delete;

  JobId job_id() const { return state_.job_id; }
  const std::string& job_type() const { return state_.job_type; }
  std::uint32_t round() const { return state_.round; }
  std::uint32_t attempt() const { return state_.attempt; }
  /// What the job was submitted with.
  const json::object& job_params() const;
  /// What `aggregate_stage_results` returned for a stage that is closed; throws `std::out_of_range` for any other.
  const json::object& stage_result(int stage) const;
  bool has_stage_result(int stage) const { return state_.stage_results.contains(stage); }
  /// The same, if it is so large that it is kept as an artifact; returned as a result or given as params as it is, it
  /// stands for the value, which is then not read here.
  std::optional<ArtifactReference> stage_result_reference(int stage) const;
  /// Makes an artifact of what the tasks of a stage have appended to the output of this name, by default of the stage
  /// whose end this call is about. From then on nothing is appended. Without any record it is empty.
  json::object seal_output(std::string_view name, std::optional<int> stage = {}) const;
  /// The job was cancelled: what is still to be done need not be done.
  bool cancelled() const { return state_.cancelled && state_.cancelled(); }

 private:
  State state_;
  mutable std::optional<json::object> params_;
  mutable std::map<int, json::object> parsed_;
};

/// Where the results of a round come from, page by page; implemented by the machine and by the test kit.
class COREMACHINE_API ResultSource : public StageOutcome {
 public:
  struct Page {
    std::vector<TaskIndex> indexes;   ///< ascending
    std::vector<json::value> values;  ///< one for each index
  };
  ~ResultSource() override;
  virtual std::size_t pages() const = 0;
  virtual Page page(std::size_t number) const = 0;
  /// What the signal brought that opened a gate; null if it was the time, or no gate.
  virtual const json::value* signal() const { return nullptr; }
  /// What a reference in a page stands for; asked of one value at a time.
  virtual json::value load(const ArtifactReference& reference) const;
  /// Where the call that reads the results may store something.
  virtual std::unique_ptr<NewArtifact> new_artifact(std::string_view media_type) const;
};

/// The results of a stage's completed tasks, in the order of their indexes, however they finished.
/// Read by pages, so that a stage of any size fits in memory: a reference stays good until sixteen other pages
/// were read, and a stage of up to a thousand tasks is one page. A result that is kept as an artifact because it is
/// large is read when it is asked for: a reference to one stays good until the next of them is.
class COREMACHINE_API StageResults {
 public:
  explicit StageResults(std::shared_ptr<const ResultSource> source);
  ~StageResults();
  StageResults(StageResults&&) noexcept;
  StageResults& operator=(StageResults&&) noexcept;

  /// How many tasks completed.
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// How many tasks the stage had.
  std::uint64_t total() const;
  /// How many are out of attempts, or dead; more than none only under a join that tolerates it. What neither completed
  /// nor failed was cancelled.
  std::uint64_t failed() const;
  std::vector<TaskFailureRecord> failures(std::size_t limit = 1000) const;
  /// Of a gate stage: what the signal brought that opened it; null if it opened by time.
  const json::value* signal() const;

  /// The i-th result; throws `std::out_of_range` beyond the last.
  const json::value& operator[](std::size_t i) const;
  /// The index of the task that the i-th result is of.
  TaskIndex index_of(std::size_t i) const;
  /// The i-th result without reading it, if it is so large that it is kept as an artifact.
  std::optional<ArtifactReference> reference(std::size_t i) const;
  /// Makes an artifact of what the tasks have appended to their output of this name: see JobContext::seal_output.
  json::object seal_output(std::string_view name) const;
  /// For a result of the stage that is made piece by piece while the results of its tasks are read.
  std::unique_ptr<NewArtifact> new_artifact(std::string_view media_type = "application/json") const;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = json::value;
    using difference_type = std::ptrdiff_t;
    using pointer = const json::value*;
    using reference = const json::value&;
    Iterator() = default;
    reference operator*() const { return (*results_)[at_]; }
    pointer operator->() const { return &(*results_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++at_; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    friend class StageResults;
    Iterator(const StageResults* results, std::size_t at) : results_(results), at_(at) {}
    const StageResults* results_ = nullptr;
    std::size_t at_ = 0;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  struct Cache;
  std::unique_ptr<Cache> cache_;
};

/// What a job type is: which tasks each stage has and what becomes of their results.
///
/// Every function is called on a thread of the handler pool, one at a time per job, on a new handler each time, so
/// that no member survives from one call to the next. What a function returns is stored before any of it is acted
/// upon; after a crash the last one may be called again. A function that throws ends the job `failed`.
struct COREMACHINE_API JobHandler {
  virtual ~JobHandler();

  /// The tasks of stage 1, 2, 3 …; none is a stage that joins at once.
  virtual std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const = 0;
  /// The result of a stage, from the results of its tasks.
  virtual json::object aggregate_stage_results(int stage, const StageResults& results) const = 0;
  /// Whether stage + 1 follows.
  virtual bool should_advance_stage(int stage, const JobContext& context) const = 0;
  /// The result of the job.
  virtual json::object get_final_result(const JobContext& context) const = 0;

  // ---- what has a default ----

  /// How a stage is joined and run; asked just before its tasks are created.
  virtual StagePolicy stage_policy(int stage, const JobContext& context) const;
  /// Which stage follows: any one, also an earlier one again; none: the job is finished. In place of
  /// `should_advance_stage`, which it asks.
  virtual std::optional<int> next_stage(int stage, const JobContext& context) const;
  /// In place of `create_stage_tasks` for a stage whose policy says `lazy`: some more tasks, from where `cursor`
  /// says; null at first. Returns the cursor of the next call, or nothing when these were the last. Tasks and cursor
  /// are stored together, so that it is only asked for what comes after; a call that is lost is repeated.
  virtual std::optional<json::value> pull_stage_tasks(int stage, const JobContext& context, const json::value& cursor,
                                                      TaskSink& tasks) const;
  /// In place of `aggregate_stage_results`, if it is not null.
  virtual std::unique_ptr<StageFold> make_fold(int stage) const;
};

}  // namespace coremachine
