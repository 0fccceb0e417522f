#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>

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

  std::optional<JobRow> read_row(JobId id) const {
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? std::nullopt : std::optional(found->second);
  }

  std::vector<RoundRow> latest_rounds(JobId job, int stage, std::size_t limit) const {
    std::vector<RoundRow> found;
    for (const auto& row : rounds_) {
      if (row.job == job && (stage == 0 || row.stage == stage)) found.push_back(row);
    }
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.round > b.round; });
    if (found.size() > limit) found.resize(limit);
    return found;
  }

  std::optional<RoundRow> read_round(JobId job, RoundNumber round) const {
    for (const auto& row : rounds_) {
      if (row.job == job && row.round == round) return row;
    }
    return std::nullopt;
  }

  static std::string lowered(std::string text) {
    for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
  }

  static bool fits_words(const JobRow& row, const JobFilter& filter) {
    std::vector<std::string> tags;
    const auto list = boost::json::parse(row.tags);
    for (const auto& tag : list.as_array()) tags.emplace_back(tag.as_string());
    for (const auto& wanted : filter.tags) {
      if (std::count(tags.begin(), tags.end(), wanted) == 0) return false;
    }
    auto texts = tags;
    texts.push_back(row.id.str());
    texts.push_back(row.type);
    if (row.error) texts.emplace_back(boost::json::parse(*row.error).at("message").as_string());
    return std::any_of(texts.begin(), texts.end(), [&](const auto& text) {
      return lowered(text).find(lowered(filter.search)) != std::string::npos;
    });
  }

  std::vector<JobRow> list_jobs(const JobFilter& filter) const {
    std::vector<JobRow> rows;
    for (const auto& [id, row] : jobs_) {
      const auto& any_of = filter.statuses;
      if (!any_of.empty() && std::count(any_of.begin(), any_of.end(), row.status) == 0) continue;
      if (!filter.type.empty() && filter.type != row.type) continue;
      if (filter.before && !(id < *filter.before)) continue;
      if (filter.from && id < *filter.from) continue;
      if (!fits_words(row, filter)) continue;
      rows.push_back(row);
      if (filter.columns == JobColumns::heads) rows.back().state = "{}";
      if (filter.columns == JobColumns::whole) continue;
      rows.back().params.reset();
      rows.back().result.reset();
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
      if (query.only_failures && !is_final(segment.kind)) continue;
      found.push_back(segment);
      if (!query.bodies) found.back().body.reset();
    }
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) {
      return std::tie(a.chunk, a.round, a.sequence) < std::tie(b.chunk, b.round, b.sequence);
    });
    if (found.size() > query.limit) found.resize(query.limit);
    return found;
  }

  std::optional<OutcomeSegment> read_outcome(JobId job, RoundNumber round, ChunkNumber chunk,
                                             std::uint32_t sequence) const {
    for (const auto& [owner, segment] : outcomes_) {
      const bool here = owner == job && segment.round == round && segment.chunk == chunk;
      if (here && segment.sequence == sequence) return segment;
    }
    return std::nullopt;
  }

  /// (chunk, completed, failed, dead) of each.
  std::vector<std::array<std::uint32_t, 4>> count_outcomes(JobId job, const std::vector<RoundNumber>& rounds,
                                                           ChunkNumber from, ChunkNumber to) const {
    std::map<ChunkNumber, std::array<std::uint32_t, 4>> counted;
    for (const auto& [owner, segment] : outcomes_) {
      if (owner != job || segment.chunk < from || segment.chunk >= to) continue;
      if (std::count(rounds.begin(), rounds.end(), segment.round) == 0) continue;
      const bool last = segment.round == rounds.back();
      const std::size_t column = segment.kind == OutcomeKind::completed        ? 1
                                 : segment.kind == OutcomeKind::failed && last ? 2
                                 : segment.kind == OutcomeKind::dead && last   ? 3
                                                                               : 0;
      if (column == 0) continue;
      counted[segment.chunk][0] = segment.chunk;
      counted[segment.chunk][column] += segment.count;
    }
    std::vector<std::array<std::uint32_t, 4>> list;
    for (const auto& [chunk, counts] : counted) list.push_back(counts);
    return list;
  }

  std::vector<OutcomeSegment> told_failures(JobId job, RoundNumber round) const {
    std::vector<OutcomeSegment> found;
    for (const auto& [owner, segment] : outcomes_) {
      if (owner == job && segment.round == round && segment.event != 0) found.push_back(segment);
    }
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.event < b.event; });
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
