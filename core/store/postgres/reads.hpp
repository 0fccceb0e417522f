#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/store.hpp"
#include "core/store/postgres/connection.hpp"

namespace coremachine::postgres {

// The reads of the port, each one a single state of the store. They throw PostgresError, or Failure (store_damaged).

std::optional<StoredJob> read_job(Connection& from, JobId id);
std::optional<JobRow> read_row(Connection& from, JobId id);
JobSlice list_jobs(Connection& from, const JobFilter& filter);
std::map<JobStatus, std::uint64_t> count_jobs(Connection& from);
std::vector<RoundRow> latest_rounds(Connection& from, JobId job, int stage, std::size_t limit);
std::optional<RoundRow> read_round(Connection& from, JobId job, RoundNumber round);
std::vector<StoredJob> read_unfinished(Connection& from, std::optional<JobId> after, std::size_t limit);
std::vector<DefinitionSegment> definition_heads(Connection& from, JobId job, RoundNumber round);
std::optional<DefinitionSegment> read_definitions(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk);
std::vector<OutcomeSegment> read_outcomes(Connection& from, const OutcomeQuery& query);
std::optional<OutcomeSegment> read_outcome(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk,
                                           std::uint32_t sequence);
std::vector<ChunkOutcomes> count_outcomes(Connection& from, JobId job, const std::vector<RoundNumber>& rounds,
                                          ChunkNumber first, ChunkNumber last);
std::vector<OutcomeSegment> told_failures(Connection& from, JobId job, RoundNumber round);
std::vector<Setting> read_settings(Connection& from, const std::string& kind);
std::optional<SubmissionKey> find_key(Connection& from, const std::string& key);
std::vector<Store::EndedJob> read_ended(Connection& from, std::optional<JobId> after, Incarnation self,
                                        std::size_t limit);
bool is_referenced(Connection& from, const ArtifactId& artifact);
std::vector<ArtifactId> read_referenced(Connection& from, const std::optional<ArtifactId>& after, std::size_t limit);
std::vector<ArtifactId> references_of(Connection& from, JobId job);
bool has_garbage(Connection& from);
/// All but the bytes, the kind and the location.
StoreStats read_stats(Connection& from);
std::uint64_t read_bytes(Connection& from, const std::string& schema);

}  // namespace coremachine::postgres
