#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/model/artifact.hpp>
#include <coremachine/model/error.hpp>

#include "core/model/batch.hpp"
#include "core/model/record.hpp"
#include "core/model/segment.hpp"
#include "core/ports/peers.hpp"

namespace coremachine {

struct StoredJob {
  JobRow job;
  std::vector<RoundRow> rounds;  ///< ascending
};

/// What of a job's row is read; what is not stays empty.
enum class JobColumns : std::uint8_t {
  heads,     ///< id, type, status, priority, tags, attempt, times, error
  outlines,  ///< the state too
  whole,     ///< … params and result
};

struct JobFilter {
  std::vector<JobStatus> statuses = {};  ///< any of them; empty: all
  std::string type = {};                 ///< empty: all
  std::optional<JobId> before = {};      ///< only older ones
  std::size_t limit = 50;
  std::optional<JobId> from = {};      ///< this one and younger ones
  std::vector<std::string> tags = {};  ///< the job has all of them
  std::string search = {};             ///< part of its id, its type, a tag or its error's message; ASCII a = A
  /// So many jobs are looked at and no more: what no index knows is found by looking.
  std::size_t looks = SIZE_MAX;
  JobColumns columns = JobColumns::whole;
};

struct JobSlice {
  std::vector<JobRow> rows = {};
  std::optional<JobId> next = {};  ///< `before` of the next slice; nothing: that was all
};

/// Which outcomes of a job are read.
struct OutcomeQuery {
  JobId job;
  std::vector<RoundNumber> rounds;  ///< a round with its lineage
  ChunkNumber from = 0;
  ChunkNumber to = UINT32_MAX;  ///< exclusive
  bool completed = true;
  bool others = true;
  bool bodies = true;
  std::size_t limit = SIZE_MAX;  ///< of segments
  bool only_failures = false;    ///< of the others those that ended a task
};

/// How many tasks of a chunk ended in which way.
struct ChunkOutcomes {
  ChunkNumber chunk = 0;
  std::uint32_t completed = 0;  ///< in any of the rounds
  std::uint32_t failed = 0;     ///< in the last of them, as those that follow
  std::uint32_t dead = 0;
};

struct StoreStats {
  std::string kind;  ///< "memory", "sqlite"
  std::string location;
  std::uint64_t bytes = 0;  ///< on disk, the log included
  std::uint64_t jobs = 0;
  std::uint64_t unfinished = 0;
  std::uint64_t rounds = 0;
  std::uint64_t definition_segments = 0;
  std::uint64_t outcome_segments = 0;
  std::uint64_t tasks_defined = 0;
  std::uint64_t tasks_finished = 0;
  std::uint64_t artifact_references = 0;  ///< each of a job to an artifact
  Incarnation incarnation = 0;
  CommitSequence last_commit = 0;
  int schema_version = 0;
};

/// Where jobs are kept. `commit` and `begin_incarnation` are called from one thread at a time; reads from any thread,
/// also while a commit is under way: they see what is committed, each one a single consistent state.
/// A read that cannot be done throws Failure (store_failed, store_damaged).
class Store {
 public:
  virtual ~Store() = default;
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Ends all older incarnations and starts the next one; durable when it returns. Throws Failure.
  virtual Incarnation begin_incarnation() = 0;
  /// The sequence of the last batch that was committed, 0 if there is none.
  virtual CommitSequence last_commit() const = 0;

  /// All of the batch or nothing, durable when it returns success.
  /// store_full: nothing was written; the same batch may be given again.
  /// store_failed: it is not known what was written; the store takes nothing any more.
  virtual Result<void> commit(const Batch& batch) = 0;

  virtual std::optional<StoredJob> read_job(JobId id) const = 0;
  /// The job without its rounds.
  virtual std::optional<JobRow> read_row(JobId id) const = 0;
  /// Newest first.
  virtual JobSlice list_jobs(const JobFilter& filter) const = 0;
  /// How many jobs there are in each status; those without any are left out.
  virtual std::map<JobStatus, std::uint64_t> count_jobs() const = 0;
  /// Of the rounds that the job has left behind the newest, at most so many, newest first; `stage` 0: of any.
  virtual std::vector<RoundRow> latest_rounds(JobId job, int stage, std::size_t limit) const = 0;
  virtual std::optional<RoundRow> read_round(JobId job, RoundNumber round) const = 0;
  /// Jobs that are not over, in the order of their ids, from after `after`.
  virtual std::vector<StoredJob> read_unfinished(std::optional<JobId> after, std::size_t limit) const = 0;
  /// Definitions of a round without their bodies, in order.
  virtual std::vector<DefinitionSegment> definition_heads(JobId job, RoundNumber round) const = 0;
  virtual std::optional<DefinitionSegment> read_definitions(JobId job, RoundNumber round, ChunkNumber chunk) const = 0;
  /// Ordered by chunk, then round, then sequence.
  virtual std::vector<OutcomeSegment> read_outcomes(const OutcomeQuery& query) const = 0;
  /// One of them, with its body.
  virtual std::optional<OutcomeSegment> read_outcome(JobId job, RoundNumber round, ChunkNumber chunk,
                                                     std::uint32_t sequence) const = 0;
  /// By chunk; chunks of which nothing ended are not there. `rounds` as in OutcomeQuery.
  virtual std::vector<ChunkOutcomes> count_outcomes(JobId job, const std::vector<RoundNumber>& rounds, ChunkNumber from,
                                                    ChunkNumber to) const = 0;
  /// The outcomes of the round that have events, in the order of these, with their bodies.
  virtual std::vector<OutcomeSegment> told_failures(JobId job, RoundNumber round) const = 0;

  /// What was set of one kind, by name.
  virtual std::vector<Setting> read_settings(const std::string& kind) const = 0;
  virtual std::optional<SubmissionKey> find_key(const std::string& key) const = 0;
  /// Jobs that are over, oldest first, from after `after`: for those who look for what to delete.
  struct EndedJob {
    JobId id;
    JobStatus status = JobStatus::completed;
    Timestamp finished_at{};
  };
  virtual std::vector<EndedJob> read_ended(std::optional<JobId> after, std::size_t limit) const = 0;
  /// Whether texts of a job that is in the store name this artifact.
  virtual bool is_referenced(const ArtifactId& artifact) const = 0;
  /// The artifacts that texts of jobs in the store name, ascending, from after `after`.
  virtual std::vector<ArtifactId> read_referenced(const std::optional<ArtifactId>& after, std::size_t limit) const = 0;
  /// Those that texts of this job name.
  virtual std::vector<ArtifactId> references_of(JobId job) const = 0;
  /// Artifacts of which sweeping took away a reference since the last call, in this process. `complete`: all of them;
  /// there may have been more than are remembered.
  struct Released {
    std::vector<ArtifactId> artifacts = {};
    bool complete = true;
  };
  virtual Released take_released() = 0;
  /// Whether deleted jobs have left something to sweep.
  virtual bool has_garbage() const = 0;

  virtual StoreStats stats() const = 0;
  /// On disk, the log included, 0 if there is no disk; cheap, for those who ask often.
  virtual std::uint64_t bytes() const { return 0; }

  /// For stores that several machines may work on at a time; null: this one has it alone.
  virtual Peers* peers() const { return nullptr; }

  /// How many rows belong to nothing: to no job, and to no artifact or output where those are in it; `remove` takes
  /// them away.
  virtual std::uint64_t orphans(bool remove) = 0;
  /// What the store's own format says of its soundness; empty: nothing is wrong.
  virtual std::vector<std::string> check_format() const = 0;
  /// A consistent copy, made while the store is in use. `path` must not exist yet.
  virtual Result<void> backup(const std::string& path) const = 0;
};

}  // namespace coremachine
