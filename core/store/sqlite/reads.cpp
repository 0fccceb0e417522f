#include "core/store/sqlite/reads.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/model/codec.hpp"
#include "core/store/sqlite/job_ranges.hpp"
#include "core/store/sqlite/rows.hpp"
#include "core/store/table_rows.hpp"

namespace coremachine::sqlite {
namespace {

#define COREMACHINE_JOBS "SELECT " COREMACHINE_JOB_COLUMNS " FROM job "
#define COREMACHINE_OUTCOMES "SELECT " COREMACHINE_OUTCOME_COLUMNS ", CASE WHEN ?6 THEN body END FROM outcome "
#define COREMACHINE_CHUNKS "job = ?1 AND round = ?2 AND chunk >= ?3 AND chunk < ?4 "
#define COREMACHINE_IN_ORDER "ORDER BY chunk, sequence LIMIT ?5"

constexpr char job_by_id[] = COREMACHINE_JOBS "WHERE id = ?";
constexpr char rounds_of_job[] = "SELECT " COREMACHINE_ROUND_COLUMNS " FROM round WHERE job = ? ORDER BY round";
constexpr char rounds_latest[] = "SELECT " COREMACHINE_ROUND_COLUMNS
                                 " FROM round WHERE job = ?1 AND (?2 = 0 OR stage = ?2) ORDER BY round DESC LIMIT ?3";
constexpr char round_by_number[] = "SELECT " COREMACHINE_ROUND_COLUMNS " FROM round WHERE job = ? AND round = ?";

constexpr char definitions_of_round[] =
    "SELECT " COREMACHINE_DEFINITION_COLUMNS ", NULL FROM definition WHERE job = ? AND round = ? ORDER BY chunk";
constexpr char definitions_of_chunk[] =
    "SELECT " COREMACHINE_DEFINITION_COLUMNS ", body FROM definition WHERE job = ? AND round = ? AND chunk = ?";

constexpr char outcomes_all[] = COREMACHINE_OUTCOMES "WHERE " COREMACHINE_CHUNKS COREMACHINE_IN_ORDER;
constexpr char outcomes_completed[] =
    COREMACHINE_OUTCOMES "WHERE " COREMACHINE_CHUNKS "AND kind = 'completed' " COREMACHINE_IN_ORDER;
// The partial index serves a query that repeats its condition.
constexpr char outcomes_of_kind[] = COREMACHINE_OUTCOMES "INDEXED BY outcome_by_kind WHERE " COREMACHINE_CHUNKS
                                                         "AND kind = ?7 AND kind <> 'completed' " COREMACHINE_IN_ORDER;
constexpr char outcomes_told[] = "SELECT " COREMACHINE_OUTCOME_COLUMNS
                                 ", body FROM outcome INDEXED BY outcome_told "
                                 "WHERE job = ? AND round = ? AND event IS NOT NULL ORDER BY event";
constexpr char outcome_by_place[] = "SELECT " COREMACHINE_OUTCOME_COLUMNS
                                    ", body FROM outcome WHERE job = ? AND round = ? AND chunk = ? AND sequence = ?";
constexpr char outcome_counts[] =
    "SELECT chunk, kind, count FROM outcome INDEXED BY outcome_counts "
    "WHERE job = ? AND round = ? AND chunk >= ? AND chunk < ? ORDER BY chunk";

constexpr char settings_of_kind[] = "SELECT name, value FROM setting WHERE kind = ? ORDER BY name";
constexpr char key_by_name[] = "SELECT job, fingerprint FROM submission_key WHERE key = ?";
constexpr char ended_after[] =
    "SELECT id, status, finished_at FROM job WHERE id > ? AND finished_at IS NOT NULL ORDER BY id LIMIT ?";
// A job that was deleted may still have rows that are to be swept.
#define COREMACHINE_JOB_IS_THERE "EXISTS (SELECT 1 FROM job WHERE id = r.job) "
constexpr char references_to[] =
    "SELECT 1 FROM artifact_reference r WHERE artifact = ? AND " COREMACHINE_JOB_IS_THERE "LIMIT 1";
constexpr char referenced_after[] =
    "SELECT DISTINCT artifact FROM artifact_reference r WHERE artifact > ? AND " COREMACHINE_JOB_IS_THERE
    "ORDER BY artifact LIMIT ?";
constexpr char references_by_job[] =
    "SELECT artifact FROM artifact_reference r WHERE job = ? AND " COREMACHINE_JOB_IS_THERE "ORDER BY artifact";
constexpr char any_garbage[] = "SELECT 1 FROM garbage LIMIT 1";

StoredJob with_rounds(Connection& from, JobRow job) {
  StoredJob stored{std::move(job), {}};
  const auto id = stored.job.id.str();
  Rows rows(from[rounds_of_job], id);
  while (rows.next()) stored.rounds.push_back(read_round_row(rows));
  return stored;
}

}  // namespace

std::optional<StoredJob> read_job(Connection& from, JobId id) {
  const auto text = id.str();
  Rows rows(from[job_by_id], text);
  if (!rows.next()) return std::nullopt;
  return with_rounds(from, read_job_row(rows));
}

std::optional<JobRow> read_row(Connection& from, JobId id) {
  const auto text = id.str();
  Rows rows(from[job_by_id], text);
  if (!rows.next()) return std::nullopt;
  return read_job_row(rows);
}

std::vector<RoundRow> latest_rounds(Connection& from, JobId job, int stage, std::size_t limit) {
  const auto id = job.str();
  std::vector<RoundRow> found;
  Rows rows(from[rounds_latest], id, stage, tables::row_limit(limit));
  while (rows.next()) found.push_back(read_round_row(rows));
  return found;
}

std::optional<RoundRow> read_round(Connection& from, JobId job, RoundNumber round) {
  const auto id = job.str();
  Rows rows(from[round_by_number], id, round);
  if (!rows.next()) return std::nullopt;
  return read_round_row(rows);
}

std::vector<Setting> read_settings(Connection& from, const std::string& kind) {
  std::vector<Setting> settings;
  Rows rows(from[settings_of_kind], kind);
  while (rows.next()) settings.push_back({kind, rows.string(0), rows.text(1)});
  return settings;
}

std::optional<SubmissionKey> find_key(Connection& from, const std::string& key) {
  Rows rows(from[key_by_name], key);
  if (!rows.next()) return std::nullopt;
  return tables::read_key(rows, key);
}

std::vector<Store::EndedJob> read_ended(Connection& from, std::optional<JobId> after, std::size_t limit) {
  std::vector<Store::EndedJob> found;
  const auto begin = after ? after->str() : std::string();
  Rows rows(from[ended_after], begin, tables::row_limit(limit));
  while (rows.next()) found.push_back(tables::read_ended_job(rows));
  return found;
}

bool has_garbage(Connection& from) {
  Rows rows(from[any_garbage]);
  return rows.next();
}

bool is_referenced(Connection& from, const ArtifactId& artifact) {
  const auto id = artifact.str();
  Rows rows(from[references_to], id);
  return rows.next();
}

std::vector<ArtifactId> read_referenced(Connection& from, const std::optional<ArtifactId>& after, std::size_t limit) {
  const auto begin = after ? after->str() : std::string();
  std::vector<ArtifactId> found;
  Rows rows(from[referenced_after], begin, tables::row_limit(limit));
  while (rows.next()) found.push_back(tables::read_artifact_id(rows));
  return found;
}

std::vector<ArtifactId> references_of(Connection& from, JobId job) {
  const auto id = job.str();
  std::vector<ArtifactId> found;
  Rows rows(from[references_by_job], id);
  while (rows.next()) found.push_back(tables::read_artifact_id(rows));
  return found;
}

std::vector<StoredJob> read_unfinished(Connection& from, std::optional<JobId> after, std::size_t limit) {
  std::vector<StoredJob> found;
  for (const auto& id : unfinished_ids(from, after ? after->str() : std::string(), limit)) {
    Rows rows(from[job_by_id], id);
    if (rows.next()) found.push_back(with_rounds(from, read_job_row(rows)));
  }
  return found;
}

std::vector<DefinitionSegment> definition_heads(Connection& from, JobId job, RoundNumber round) {
  const auto id = job.str();
  std::vector<DefinitionSegment> heads;
  Rows rows(from[definitions_of_round], id, round);
  while (rows.next()) heads.push_back(read_definition(rows));
  return heads;
}

std::optional<DefinitionSegment> read_definitions(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk) {
  const auto id = job.str();
  Rows rows(from[definitions_of_chunk], id, round, chunk);
  if (!rows.next()) return std::nullopt;
  return read_definition(rows);
}

std::vector<OutcomeSegment> read_outcomes(Connection& from, const OutcomeQuery& query) {
  const auto id = query.job.str();
  const auto limit = tables::row_limit(query.limit);
  std::vector<OutcomeSegment> found;
  const auto add = [&](const char* statement, RoundNumber round, auto... kind) {
    Rows rows(from[statement], id, round, query.from, query.to, limit, query.bodies, kind...);
    while (rows.next()) found.push_back(read_outcome(rows));
  };
  for (const auto round : query.rounds) {
    if (query.completed && query.others && !query.only_failures) {
      add(outcomes_all, round);
      continue;
    }
    if (query.completed) add(outcomes_completed, round);
    if (!query.others) continue;
    for (const auto kind :
         {OutcomeKind::failed, OutcomeKind::dead, OutcomeKind::retrying, OutcomeKind::lost, OutcomeKind::progress}) {
      if (is_final(kind) || !query.only_failures) add(outcomes_of_kind, round, codec::to_string(kind));
    }
  }
  tables::sort_by_place(found, query.limit);
  return found;
}

std::optional<OutcomeSegment> read_outcome(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk,
                                           std::uint32_t sequence) {
  const auto id = job.str();
  Rows rows(from[outcome_by_place], id, round, chunk, sequence);
  if (!rows.next()) return std::nullopt;
  return read_outcome(rows);
}

std::vector<ChunkOutcomes> count_outcomes(Connection& from, JobId job, const std::vector<RoundNumber>& rounds,
                                          ChunkNumber first, ChunkNumber last) {
  const auto id = job.str();
  std::vector<ChunkOutcomes> counted;
  for (const auto round : rounds) {
    std::size_t at = 0;
    std::vector<ChunkOutcomes> more;
    Rows rows(from[outcome_counts], id, round, first, last);
    while (rows.next()) {
      const auto kind = codec::outcome_kind_from(rows.view(1));
      if (!kind || (*kind != OutcomeKind::completed && (round != rounds.back() || !is_final(*kind)))) continue;
      const auto chunk = rows.as<ChunkNumber>(0);
      while (at < counted.size() && counted[at].chunk < chunk) ++at;
      const bool known = at < counted.size() && counted[at].chunk == chunk;
      if (!known && (more.empty() || more.back().chunk != chunk)) more.push_back({chunk});
      auto& counts = known ? counted[at] : more.back();
      auto& count = *kind == OutcomeKind::completed ? counts.completed
                    : *kind == OutcomeKind::failed  ? counts.failed
                                                    : counts.dead;
      count += rows.as<std::uint32_t>(2);
    }
    const auto middle = static_cast<std::ptrdiff_t>(counted.size());
    counted.insert(counted.end(), more.begin(), more.end());
    std::inplace_merge(counted.begin(), counted.begin() + middle, counted.end(),
                       [](const ChunkOutcomes& a, const ChunkOutcomes& b) { return a.chunk < b.chunk; });
  }
  return counted;
}

std::vector<OutcomeSegment> told_failures(Connection& from, JobId job, RoundNumber round) {
  const auto id = job.str();
  std::vector<OutcomeSegment> found;
  Rows rows(from[outcomes_told], id, round);
  while (rows.next()) found.push_back(read_outcome(rows));
  return found;
}

StoreStats read_stats(Connection& from) {
  const auto count = [&](std::string_view sql) { return static_cast<std::uint64_t>(from.number(sql)); };
  StoreStats stats;
  stats.jobs = count("SELECT count(*) FROM job");
  stats.unfinished =
      count("SELECT count(*) FROM job WHERE status IN ('scheduled', 'queued', 'running', 'paused', 'cancelling')");
  stats.rounds = count("SELECT count(*) FROM round");
  stats.definition_segments = count("SELECT count(*) FROM definition");
  stats.outcome_segments = count("SELECT count(*) FROM outcome");
  stats.artifact_references = count("SELECT count(*) FROM artifact_reference");
  stats.tasks_defined = count("SELECT sum(count) FROM definition") +
                        count(
                            "SELECT sum(d.value ->> '$.count') "
                            "FROM round_state r, json_each(r.state, '$.inline_definitions') d");
  stats.tasks_finished = count("SELECT sum(count) FROM outcome WHERE kind IN ('completed', 'failed', 'dead')") +
                         count(
                             "SELECT sum(o.value ->> '$.count') "
                             "FROM round_state r, json_each(r.state, '$.inline_outcomes') o "
                             "WHERE o.value ->> '$.kind' IN ('completed', 'failed', 'dead')");
  stats.incarnation = count("SELECT value FROM meta WHERE key = 'incarnation'");
  stats.last_commit = count("SELECT value FROM meta WHERE key = 'last_commit'");
  stats.schema_version = static_cast<int>(from.number("PRAGMA user_version"));
  return stats;
}

}  // namespace coremachine::sqlite
