#pragma once

#include <optional>
#include <vector>

#include "core/ports/store.hpp"
#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

// What the port reads, on one connection, within the transaction that it is in.

std::optional<StoredJob> read_job(Connection& from, JobId id);
std::vector<JobRow> list_jobs(Connection& from, const JobFilter& filter);
std::vector<Setting> read_settings(Connection& from, const std::string& kind);
std::optional<SubmissionKey> find_key(Connection& from, const std::string& key);
std::vector<Store::EndedJob> read_ended(Connection& from, std::optional<JobId> after, std::size_t limit);
bool has_garbage(Connection& from);
bool is_referenced(Connection& from, const ArtifactId& artifact);
std::vector<ArtifactId> read_referenced(Connection& from, const std::optional<ArtifactId>& after, std::size_t limit);
std::vector<ArtifactId> references_of(Connection& from, JobId job);
std::vector<StoredJob> read_unfinished(Connection& from, std::optional<JobId> after, std::size_t limit);
std::vector<DefinitionSegment> definition_heads(Connection& from, JobId job, RoundNumber round);
std::optional<DefinitionSegment> read_definitions(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk);
std::vector<OutcomeSegment> read_outcomes(Connection& from, const OutcomeQuery& query);
/// Everything but where the store lies and how large it is.
StoreStats read_stats(Connection& from);

}  // namespace coremachine::sqlite
