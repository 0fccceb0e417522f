#include "core/store/memory/memory_store.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>
#include <utility>

#include <boost/assert.hpp>

#include "core/ports/job_filter.hpp"
#include "core/store/released_artifacts.hpp"

namespace coremachine {
namespace {

using RoundKey = std::pair<JobId, RoundNumber>;
using ChunkKey = std::tuple<JobId, RoundNumber, ChunkNumber>;
using OutcomeKey = std::tuple<JobId, RoundNumber, ChunkNumber, std::uint32_t>;

constexpr RoundNumber last_round = UINT32_MAX;
constexpr JobId last_job{UINT64_MAX, UINT64_MAX};

/// The job that a key belongs to.
template <class Key>
JobId job_of(const Key& key) {
  return std::get<0>(key);
}

bool wanted(const OutcomeQuery& query, OutcomeKind kind) {
  if (kind == OutcomeKind::completed) return query.completed;
  return query.others && (is_final(kind) || !query.only_failures);
}

bool fits(const JobFilter& filter, const JobRow& row) {
  const auto& statuses = filter.statuses;
  if (!statuses.empty() && std::find(statuses.begin(), statuses.end(), row.status) == statuses.end()) return false;
  if (!filter.type.empty() && filter.type != row.type) return false;
  if (!looks_at_words(filter)) return true;
  const auto id = row.id.str();
  return fits_words(filter, {id, row.type, row.tags, row.error ? std::string_view(*row.error) : std::string_view()});
}

JobRow with_columns(JobRow row, JobColumns columns) {
  if (columns == JobColumns::heads) row.state = "{}";
  if (columns == JobColumns::whole) return row;
  row.params.reset();
  row.result.reset();
  return row;
}

class MemoryStore final : public Store {
 public:
  Incarnation begin_incarnation() override {
    const std::unique_lock lock(mutex_);
    return ++incarnation_;
  }

  CommitSequence last_commit() const override {
    const std::shared_lock lock(mutex_);
    return last_commit_;
  }

  Result<void> commit(const Batch& batch) override {
    const std::unique_lock lock(mutex_);
    if (batch.incarnation != incarnation_) return Error{ErrorCode::store_failed, "another server has taken over"};
    for (const auto& discard : batch.discards) apply(discard);
    for (const auto& row : batch.jobs) put(row);
    for (const auto& row : batch.rounds) insert(rounds_, RoundKey{row.job, row.round}, row);
    for (const auto& [job, segment] : batch.definitions) {
      insert(definitions_, ChunkKey{job, segment.round, segment.chunk}, segment);
    }
    for (const auto& [job, segment] : batch.outcomes) {
      insert(outcomes_, OutcomeKey{job, segment.round, segment.chunk, segment.sequence}, segment);
    }
    for (const auto& setting : batch.settings) {
      auto& of_kind = settings_[setting.kind];
      if (setting.value) {
        of_kind[setting.name] = setting.value;
      } else {
        of_kind.erase(setting.name);
      }
    }
    for (const auto& key : batch.keys) keys_[key.key] = key;
    for (const auto& [job, artifact] : batch.references) {
      references_.emplace(job, artifact);
      referrers_.emplace(artifact, job);
    }
    for (const auto job : batch.deletes) remove(job);
    sweep(batch.sweep);
    last_commit_ = batch.sequence;
    return {};
  }

  std::vector<Setting> read_settings(const std::string& kind) const override {
    const std::shared_lock lock(mutex_);
    std::vector<Setting> settings;
    const auto found = settings_.find(kind);
    if (found == settings_.end()) return settings;
    for (const auto& [name, value] : found->second) settings.push_back({kind, name, value});
    return settings;
  }

  std::optional<SubmissionKey> find_key(const std::string& key) const override {
    const std::shared_lock lock(mutex_);
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }

  std::vector<EndedJob> read_ended(std::optional<JobId> after, std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<EndedJob> found;
    for (auto at = after ? jobs_.upper_bound(*after) : jobs_.begin(); at != jobs_.end() && found.size() < limit; ++at) {
      const auto& row = at->second;
      if (is_terminal(row.status) && row.finished_at) found.push_back({row.id, row.status, *row.finished_at});
    }
    return found;
  }

  bool is_referenced(const ArtifactId& artifact) const override {
    const std::shared_lock lock(mutex_);
    return is_named(artifact);
  }

  std::vector<ArtifactId> read_referenced(const std::optional<ArtifactId>& after, std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<ArtifactId> found;
    auto at = after ? referrers_.lower_bound({*after, last_job}) : referrers_.begin();
    while (at != referrers_.end() && found.size() < limit) {
      const auto artifact = at->first;
      if (!(after && artifact == *after) && is_named(artifact)) found.push_back(artifact);
      at = referrers_.upper_bound({artifact, last_job});
    }
    return found;
  }

  std::vector<ArtifactId> references_of(JobId job) const override {
    const std::shared_lock lock(mutex_);
    std::vector<ArtifactId> found;
    if (!jobs_.contains(job)) return found;
    for (auto at = references_.lower_bound({job, {}}); at != references_.end() && at->first == job; ++at) {
      found.push_back(at->second);
    }
    return found;
  }

  Released take_released() override { return released_.take(); }

  bool has_garbage() const override {
    const std::shared_lock lock(mutex_);
    return !garbage_.empty();
  }

  std::optional<StoredJob> read_job(JobId id) const override {
    const std::shared_lock lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return std::nullopt;
    return with_rounds(found->second);
  }

  std::optional<JobRow> read_row(JobId id) const override {
    const std::shared_lock lock(mutex_);
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? std::nullopt : std::optional(found->second);
  }

  std::map<JobStatus, std::uint64_t> count_jobs() const override {
    const std::shared_lock lock(mutex_);
    std::map<JobStatus, std::uint64_t> counts;
    for (const auto& [id, row] : jobs_) ++counts[row.status];
    return counts;
  }

  JobSlice list_jobs(const JobFilter& filter) const override {
    const std::shared_lock lock(mutex_);
    JobSlice slice;
    auto looks = filter.looks;
    auto at = filter.before ? jobs_.lower_bound(*filter.before) : jobs_.end();
    while (at != jobs_.begin()) {
      if (slice.rows.size() == filter.limit || looks == 0) {
        slice.next = at == jobs_.end() ? filter.before : at->first;
        break;
      }
      const auto& row = (--at)->second;
      if (filter.from && row.id < *filter.from) break;
      --looks;
      if (fits(filter, row)) slice.rows.push_back(with_columns(row, filter.columns));
    }
    return slice;
  }

  std::vector<RoundRow> latest_rounds(JobId job, int stage, std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<RoundRow> found;
    const auto begin = rounds_.lower_bound({job, 0});
    for (auto at = rounds_.upper_bound({job, last_round}); at != begin && found.size() < limit;) {
      const auto& row = (--at)->second;
      if (stage == 0 || row.stage == stage) found.push_back(row);
    }
    return found;
  }

  std::optional<RoundRow> read_round(JobId job, RoundNumber round) const override {
    const std::shared_lock lock(mutex_);
    const auto found = rounds_.find({job, round});
    return found == rounds_.end() ? std::nullopt : std::optional(found->second);
  }

  std::vector<StoredJob> read_unfinished(std::optional<JobId> after, std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<StoredJob> found;
    auto at = after ? unfinished_.upper_bound(*after) : unfinished_.begin();
    for (; at != unfinished_.end() && found.size() < limit; ++at) found.push_back(with_rounds(jobs_.at(*at)));
    return found;
  }

  std::vector<DefinitionSegment> definition_heads(JobId job, RoundNumber round) const override {
    const std::shared_lock lock(mutex_);
    std::vector<DefinitionSegment> heads;
    const auto end = definitions_.upper_bound({job, round, UINT32_MAX});
    for (auto at = definitions_.lower_bound({job, round, 0}); at != end; ++at) {
      heads.push_back(at->second);
      heads.back().body.reset();
    }
    return heads;
  }

  std::optional<DefinitionSegment> read_definitions(JobId job, RoundNumber round, ChunkNumber chunk) const override {
    const std::shared_lock lock(mutex_);
    const auto found = definitions_.find({job, round, chunk});
    if (found == definitions_.end()) return std::nullopt;
    return found->second;
  }

  std::vector<OutcomeSegment> read_outcomes(const OutcomeQuery& query) const override {
    const std::shared_lock lock(mutex_);
    std::vector<const OutcomeSegment*> found;
    for (const auto round : query.rounds) {
      if (query.from >= query.to) break;
      const auto end = outcomes_.lower_bound({query.job, round, query.to, 0});
      std::size_t of_round = 0;
      auto at = outcomes_.lower_bound({query.job, round, query.from, 0});
      for (; at != end && of_round < query.limit; ++at) {
        if (!wanted(query, at->second.kind)) continue;
        found.push_back(&at->second);
        ++of_round;
      }
    }
    std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) {
      return std::tie(a->chunk, a->round, a->sequence) < std::tie(b->chunk, b->round, b->sequence);
    });
    if (found.size() > query.limit) found.resize(query.limit);
    std::vector<OutcomeSegment> segments;
    segments.reserve(found.size());
    for (const auto* segment : found) {
      segments.push_back(*segment);
      if (!query.bodies) segments.back().body.reset();
    }
    return segments;
  }

  std::optional<OutcomeSegment> read_outcome(JobId job, RoundNumber round, ChunkNumber chunk,
                                             std::uint32_t sequence) const override {
    const std::shared_lock lock(mutex_);
    const auto found = outcomes_.find({job, round, chunk, sequence});
    return found == outcomes_.end() ? std::nullopt : std::optional(found->second);
  }

  std::vector<ChunkOutcomes> count_outcomes(JobId job, const std::vector<RoundNumber>& rounds, ChunkNumber from,
                                            ChunkNumber to) const override {
    const std::shared_lock lock(mutex_);
    std::map<ChunkNumber, ChunkOutcomes> counted;
    for (const auto round : rounds) {
      if (from >= to) break;
      const auto end = outcomes_.lower_bound({job, round, to, 0});
      for (auto at = outcomes_.lower_bound({job, round, from, 0}); at != end; ++at) {
        const auto& segment = at->second;
        const bool completed = segment.kind == OutcomeKind::completed;
        if (!is_final(segment.kind) || (!completed && round != rounds.back())) continue;
        auto& counts = counted[segment.chunk];
        counts.chunk = segment.chunk;
        (completed                           ? counts.completed
         : segment.kind == OutcomeKind::dead ? counts.dead
                                             : counts.failed) += segment.count;
      }
    }
    std::vector<ChunkOutcomes> list;
    for (const auto& [chunk, counts] : counted) list.push_back(counts);
    return list;
  }

  std::vector<OutcomeSegment> told_failures(JobId job, RoundNumber round) const override {
    const std::shared_lock lock(mutex_);
    std::vector<OutcomeSegment> found;
    const auto end = outcomes_.upper_bound({job, round, UINT32_MAX, UINT32_MAX});
    for (auto at = outcomes_.lower_bound({job, round, 0, 0}); at != end; ++at) {
      if (at->second.event != 0) found.push_back(at->second);
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.event < b.event; });
    return found;
  }

  StoreStats stats() const override {
    const std::shared_lock lock(mutex_);
    StoreStats stats;
    stats.kind = "memory";
    stats.location = "memory:";
    stats.jobs = jobs_.size();
    stats.unfinished = unfinished_.size();
    stats.rounds = rounds_.size();
    stats.definition_segments = definitions_.size();
    stats.outcome_segments = outcomes_.size();
    stats.artifact_references = references_.size();
    stats.incarnation = incarnation_;
    stats.last_commit = last_commit_;
    const auto count = [&](const DefinitionSegment& defined) { stats.tasks_defined += defined.count; };
    const auto count_finished = [&](const OutcomeSegment& outcome) {
      if (is_final(outcome.kind)) stats.tasks_finished += outcome.count;
    };
    const auto count_inline = [&](const auto& round) {
      for (const auto& segment : round.inline_definitions) count(segment);
      for (const auto& segment : round.inline_outcomes) count_finished(segment);
    };
    for (const auto& [key, segment] : definitions_) count(segment);
    for (const auto& [key, segment] : outcomes_) count_finished(segment);
    for (const auto& [key, row] : rounds_) count_inline(decode_round(row));
    for (const auto& [key, row] : jobs_) {
      if (const auto job = decode_job(row, {}); job.round) count_inline(*job.round);
    }
    return stats;
  }

  std::uint64_t orphans(bool remove) override {
    const std::unique_lock lock(mutex_);
    std::uint64_t found = 0;
    const auto sweep = [&](auto& map) {
      for (auto at = map.begin(); at != map.end();) {
        const auto job = job_of(at->first);
        const bool orphan = !jobs_.contains(job) && !garbage_.contains(job);
        found += orphan ? 1 : 0;
        at = orphan && remove ? map.erase(at) : std::next(at);
      }
    };
    sweep(rounds_);
    sweep(definitions_);
    sweep(outcomes_);
    for (auto at = references_.begin(); at != references_.end();) {
      const bool orphan = !jobs_.contains(at->first) && !garbage_.contains(at->first);
      found += orphan ? 1 : 0;
      at = orphan && remove ? forget_reference(at) : std::next(at);
    }
    return found;
  }

  std::vector<std::string> check_format() const override { return {}; }

  Result<void> backup(const std::string&) const override {
    return Error{ErrorCode::invalid_argument, "a store in memory has no file to copy"};
  }

 private:
  template <class Map, class Value>
  static void insert(Map& map, typename Map::key_type key, const Value& value) {
    const bool is_new = map.emplace(std::move(key), value).second;
    BOOST_ASSERT_MSG(is_new, "segments and rounds are append-only, and this one is there already");
  }

  void put(const JobRow& row) {
    jobs_[row.id] = row;
    if (is_terminal(row.status)) {
      unfinished_.erase(row.id);
    } else {
      unfinished_.insert(row.id);
    }
  }

  void remove(JobId job) {
    if (jobs_.erase(job) == 0) return;
    unfinished_.erase(job);
    std::erase_if(keys_, [&](const auto& entry) { return entry.second.job == job; });
    garbage_.insert(job);
  }

  void sweep(std::uint32_t rows) {
    const auto take = [&](auto& map, JobId job) {
      auto at = map.lower_bound(lowest_key(map, job));
      for (; rows > 0 && at != map.end() && job_of(at->first) == job; --rows) at = map.erase(at);
    };
    while (rows > 0 && !garbage_.empty()) {
      const auto job = *garbage_.begin();
      take(outcomes_, job);
      take(definitions_, job);
      take(rounds_, job);
      std::vector<ArtifactId> released;
      for (auto at = references_.lower_bound({job, {}}); rows > 0 && at != references_.end() && at->first == job;
           --rows) {
        released.push_back(at->second);
        at = forget_reference(at);
      }
      released_.add(released);
      if (rows == 0) return;
      garbage_.erase(garbage_.begin());
    }
  }

  using References = std::set<std::pair<JobId, ArtifactId>>;

  bool is_named(const ArtifactId& artifact) const {
    for (auto at = referrers_.lower_bound({artifact, {}}); at != referrers_.end() && at->first == artifact; ++at) {
      if (jobs_.contains(at->second)) return true;
    }
    return false;
  }

  References::iterator forget_reference(References::iterator at) {
    referrers_.erase({at->second, at->first});
    return references_.erase(at);
  }

  static OutcomeKey lowest_key(const std::map<OutcomeKey, OutcomeSegment>&, JobId job) { return {job, 0, 0, 0}; }
  static ChunkKey lowest_key(const std::map<ChunkKey, DefinitionSegment>&, JobId job) { return {job, 0, 0}; }
  static RoundKey lowest_key(const std::map<RoundKey, RoundRow>&, JobId job) { return {job, 0}; }

  void apply(const Batch::Discard& discard) {
    const auto& [job, from] = discard;
    rounds_.erase(rounds_.lower_bound({job, from}), rounds_.upper_bound({job, last_round}));
    if (from == last_round) return;
    definitions_.erase(definitions_.lower_bound({job, from + 1, 0}),
                       definitions_.upper_bound({job, last_round, UINT32_MAX}));
    outcomes_.erase(outcomes_.lower_bound({job, from + 1, 0, 0}),
                    outcomes_.upper_bound({job, last_round, UINT32_MAX, UINT32_MAX}));
  }

  StoredJob with_rounds(const JobRow& row) const {
    StoredJob stored{row, {}};
    const auto end = rounds_.upper_bound({row.id, last_round});
    for (auto at = rounds_.lower_bound({row.id, 0}); at != end; ++at) stored.rounds.push_back(at->second);
    return stored;
  }

  mutable std::shared_mutex mutex_;
  Incarnation incarnation_ = 0;
  CommitSequence last_commit_ = 0;
  std::map<JobId, JobRow> jobs_;
  std::set<JobId> unfinished_;
  std::map<RoundKey, RoundRow> rounds_;
  std::map<ChunkKey, DefinitionSegment> definitions_;
  std::map<OutcomeKey, OutcomeSegment> outcomes_;
  std::map<std::string, std::map<std::string, Text>> settings_;
  std::map<std::string, SubmissionKey> keys_;
  std::set<JobId> garbage_;
  References references_;
  std::set<std::pair<ArtifactId, JobId>> referrers_;  ///< the same, the other way round
  ReleasedArtifacts released_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace coremachine
