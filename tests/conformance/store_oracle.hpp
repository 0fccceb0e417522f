#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "core/ports/store.hpp"

namespace coremachine::store_tests {

/// What a store should say, told in the plainest way: lists that are searched from end to end.
class StoreOracle {
 public:
  void apply(const Batch& batch) {
    for (const auto& discard : batch.discards) {
      const auto of_job = [&](const auto& entry) { return entry.first == discard.job; };
      std::erase_if(rounds_, [&](const auto& row) { return row.job == discard.job && row.round >= discard.from; });
      std::erase_if(definitions_, [&](const auto& e) { return of_job(e) && e.second.round > discard.from; });
      std::erase_if(outcomes_, [&](const auto& e) { return of_job(e) && e.second.round > discard.from; });
    }
    for (const auto& row : batch.jobs) jobs_.insert_or_assign(row.id, row);
    rounds_.insert(rounds_.end(), batch.rounds.begin(), batch.rounds.end());
    definitions_.insert(definitions_.end(), batch.definitions.begin(), batch.definitions.end());
    outcomes_.insert(outcomes_.end(), batch.outcomes.begin(), batch.outcomes.end());
  }

  std::vector<JobId> ids() const {
    std::vector<JobId> ids;
    for (const auto& [id, row] : jobs_) ids.push_back(id);
    return ids;
  }

  std::optional<StoredJob> read_job(JobId id) const {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return std::nullopt;
    StoredJob stored{found->second, {}};
    for (const auto& row : rounds_) {
      if (row.job == id) stored.rounds.push_back(row);
    }
    std::sort(stored.rounds.begin(), stored.rounds.end(), [](auto& a, auto& b) { return a.round < b.round; });
    return stored;
  }

  std::vector<JobRow> list_jobs(const JobFilter& filter) const {
    std::vector<JobRow> rows;
    for (const auto& [id, row] : jobs_) {
      const auto& any_of = filter.statuses;
      if (!any_of.empty() && std::count(any_of.begin(), any_of.end(), row.status) == 0) continue;
      if (!filter.type.empty() && filter.type != row.type) continue;
      if (filter.before && !(id < *filter.before)) continue;
      rows.push_back(row);
    }
    std::reverse(rows.begin(), rows.end());
    if (rows.size() > filter.limit) rows.resize(filter.limit);
    return rows;
  }

  std::vector<StoredJob> read_unfinished(std::optional<JobId> after, std::size_t limit) const {
    std::vector<StoredJob> found;
    for (const auto& [id, row] : jobs_) {
      if (found.size() < limit && !is_terminal(row.status) && (!after || id > *after)) found.push_back(*read_job(id));
    }
    return found;
  }

  std::vector<DefinitionSegment> definitions(JobId job, RoundNumber round) const {
    std::vector<DefinitionSegment> found;
    for (const auto& [owner, segment] : definitions_) {
      if (owner == job && segment.round == round) found.push_back(segment);
    }
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.chunk < b.chunk; });
    return found;
  }

  std::vector<OutcomeSegment> read_outcomes(const OutcomeQuery& query) const {
    std::vector<OutcomeSegment> found;
    for (const auto& [owner, segment] : outcomes_) {
      if (owner != query.job || segment.chunk < query.from || segment.chunk >= query.to) continue;
      if (std::count(query.rounds.begin(), query.rounds.end(), segment.round) == 0) continue;
      if (!(segment.kind == OutcomeKind::completed ? query.completed : query.others)) continue;
      found.push_back(segment);
      if (!query.bodies) found.back().body.reset();
    }
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) {
      return std::tie(a.chunk, a.round, a.sequence) < std::tie(b.chunk, b.round, b.sequence);
    });
    if (found.size() > query.limit) found.resize(query.limit);
    return found;
  }

  std::uint64_t orphans() const {
    const auto lost = [&](JobId id) { return !jobs_.contains(id); };
    std::uint64_t count = 0;
    for (const auto& row : rounds_) count += lost(row.job);
    for (const auto& [owner, segment] : definitions_) count += lost(owner);
    for (const auto& [owner, segment] : outcomes_) count += lost(owner);
    return count;
  }

 private:
  std::map<JobId, JobRow> jobs_;
  std::vector<RoundRow> rounds_;
  std::vector<std::pair<JobId, DefinitionSegment>> definitions_;
  std::vector<std::pair<JobId, OutcomeSegment>> outcomes_;
};

}  // namespace coremachine::store_tests
