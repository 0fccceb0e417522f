#include "core/store/sqlite/reads.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/model/json_writer.hpp"
#include "core/store/sqlite/rows.hpp"

namespace coremachine::sqlite {
namespace {

// A partial index serves a query that repeats its condition word by word.
#define COREMACHINE_UNFINISHED                     \
  "(status = 'scheduled' OR status = 'queued' OR " \
  "status = 'running' OR status = 'paused' OR status = 'cancelling')"
#define COREMACHINE_ENDED_BADLY                                \
  "(status = 'completed_with_errors' OR status = 'failed' OR " \
  "status = 'dead' OR status = 'cancelled')"
#define COREMACHINE_JOBS "SELECT " COREMACHINE_JOB_COLUMNS " FROM job "
#define COREMACHINE_OUTCOMES "SELECT " COREMACHINE_OUTCOME_COLUMNS ", CASE WHEN ?6 THEN body END FROM outcome "
#define COREMACHINE_CHUNKS "job = ?1 AND round = ?2 AND chunk >= ?3 AND chunk < ?4 "
#define COREMACHINE_IN_ORDER "ORDER BY chunk, sequence LIMIT ?5"

constexpr char job_by_id[] = COREMACHINE_JOBS "WHERE id = ?";
constexpr char rounds_of_job[] = "SELECT " COREMACHINE_ROUND_COLUMNS " FROM round WHERE job = ? ORDER BY round";
constexpr char unfinished_after[] =
    COREMACHINE_JOBS "INDEXED BY job_unfinished WHERE " COREMACHINE_UNFINISHED " AND id > ? ORDER BY id LIMIT ?";

// Newest first: any, those that are not over, those that ended badly. Parameters: before, type, statuses, limit.
constexpr char list_any[] = COREMACHINE_JOBS
    "WHERE id < ?1 AND (?2 = '' OR type = ?2) AND (?3 = '[]' OR status IN (SELECT value FROM json_each(?3))) "
    "ORDER BY id DESC LIMIT ?4";
constexpr char list_unfinished[] = COREMACHINE_JOBS
    "INDEXED BY job_unfinished WHERE " COREMACHINE_UNFINISHED
    " AND id < ?1 AND (?2 = '' OR type = ?2) AND status IN (SELECT value FROM json_each(?3)) ORDER BY id DESC LIMIT ?4";
constexpr char list_ended_badly[] =
    COREMACHINE_JOBS "INDEXED BY job_ended_badly WHERE " COREMACHINE_ENDED_BADLY
                     " AND status = ?3 AND id < ?1 AND (?2 = '' OR type = ?2) ORDER BY id DESC LIMIT ?4";

constexpr char definitions_of_round[] =
    "SELECT " COREMACHINE_DEFINITION_COLUMNS ", NULL FROM definition WHERE job = ? AND round = ? ORDER BY chunk";
constexpr char definitions_of_chunk[] =
    "SELECT " COREMACHINE_DEFINITION_COLUMNS ", body FROM definition WHERE job = ? AND round = ? AND chunk = ?";

constexpr char outcomes_all[] = COREMACHINE_OUTCOMES "WHERE " COREMACHINE_CHUNKS COREMACHINE_IN_ORDER;
constexpr char outcomes_completed[] =
    COREMACHINE_OUTCOMES "WHERE " COREMACHINE_CHUNKS "AND kind = 'completed' " COREMACHINE_IN_ORDER;
constexpr char outcomes_others[] = COREMACHINE_OUTCOMES "INDEXED BY outcome_not_completed WHERE " COREMACHINE_CHUNKS
                                                        "AND kind <> 'completed' " COREMACHINE_IN_ORDER;

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

/// Sorts after every id.
constexpr std::string_view after_all_ids = "~";

std::int64_t row_limit(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, std::numeric_limits<std::int64_t>::max()));
}

StoredJob with_rounds(Connection& from, JobRow job) {
  StoredJob stored{std::move(job), {}};
  const auto id = stored.job.id.str();
  Rows rows(from[rounds_of_job], id);
  while (rows.next()) stored.rounds.push_back(read_round_row(rows));
  return stored;
}

std::vector<JobRow> all_of(Rows& rows) {
  std::vector<JobRow> found;
  while (rows.next()) found.push_back(read_job_row(rows));
  return found;
}

std::string status_list(const std::vector<JobStatus>& statuses) {
  std::string text;
  JsonWriter out(text);
  out.begin_array();
  for (const auto status : statuses) out.word(to_string(status));
  out.end_array();
  return text;
}

/// The filter's statuses, by what finds jobs in them.
struct StatusGroups {
  std::vector<JobStatus> unfinished = {};
  std::vector<JobStatus> ended_badly = {};
  bool needs_scan = false;  ///< most jobs are completed: there is no index for those

  explicit StatusGroups(const std::vector<JobStatus>& statuses) : needs_scan(statuses.empty()) {
    for (const auto status : statuses) {
      if (status == JobStatus::completed) {
        needs_scan = true;
      } else if (is_terminal(status)) {
        const bool named_before = std::find(ended_badly.begin(), ended_badly.end(), status) != ended_badly.end();
        if (!named_before) ended_badly.push_back(status);
      } else {
        unfinished.push_back(status);
      }
    }
  }
};

}  // namespace

std::optional<StoredJob> read_job(Connection& from, JobId id) {
  const auto text = id.str();
  Rows rows(from[job_by_id], text);
  if (!rows.next()) return std::nullopt;
  return with_rounds(from, read_job_row(rows));
}

std::vector<JobRow> list_jobs(Connection& from, const JobFilter& filter) {
  const auto before = filter.before ? filter.before->str() : std::string(after_all_ids);
  const auto limit = row_limit(filter.limit);
  const StatusGroups groups(filter.statuses);
  if (groups.needs_scan) {
    const auto statuses = status_list(filter.statuses);
    Rows rows(from[list_any], before, filter.type, statuses, limit);
    return all_of(rows);
  }
  std::vector<JobRow> found;
  const auto add = [&](const char* query, const std::string& statuses) {
    Rows rows(from[query], before, filter.type, statuses, limit);
    while (rows.next()) found.push_back(read_job_row(rows));
  };
  if (!groups.unfinished.empty()) add(list_unfinished, status_list(groups.unfinished));
  for (const auto status : groups.ended_badly) add(list_ended_badly, std::string(to_string(status)));
  std::sort(found.begin(), found.end(), [](const JobRow& a, const JobRow& b) { return a.id > b.id; });
  if (found.size() > filter.limit) found.resize(filter.limit);
  return found;
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
  const auto job = JobId::parse(rows.view(0));
  if (!job)
    throw Failure(
        Error{ErrorCode::store_damaged, "the store is damaged: submission key " + key + " belongs to no job"});
  return SubmissionKey{key, *job, rows.string(1)};
}

std::vector<Store::EndedJob> read_ended(Connection& from, std::optional<JobId> after, std::size_t limit) {
  std::vector<Store::EndedJob> found;
  const auto begin = after ? after->str() : std::string();
  Rows rows(from[ended_after], begin, row_limit(limit));
  while (rows.next()) {
    const auto id = JobId::parse(rows.view(0));
    const auto status = job_status_from(rows.view(1));
    if (!id || !status)
      throw Failure(Error{ErrorCode::store_damaged,
                          "the store is damaged: job " + rows.string(0) + " has no sound id and status"});
    found.push_back({*id, *status, rows.time(2)});
  }
  return found;
}

bool has_garbage(Connection& from) {
  Rows rows(from[any_garbage]);
  return rows.next();
}

namespace {

ArtifactId read_artifact_id(const Rows& rows) {
  const auto id = ArtifactId::parse(rows.view(0));
  if (id) return *id;
  throw Failure(
      Error{ErrorCode::store_damaged, "the store is damaged: artifact " + rows.string(0) + " has no sound id"});
}

}  // namespace

bool is_referenced(Connection& from, const ArtifactId& artifact) {
  const auto id = artifact.str();
  Rows rows(from[references_to], id);
  return rows.next();
}

std::vector<ArtifactId> read_referenced(Connection& from, const std::optional<ArtifactId>& after, std::size_t limit) {
  const auto begin = after ? after->str() : std::string();
  std::vector<ArtifactId> found;
  Rows rows(from[referenced_after], begin, row_limit(limit));
  while (rows.next()) found.push_back(read_artifact_id(rows));
  return found;
}

std::vector<ArtifactId> references_of(Connection& from, JobId job) {
  const auto id = job.str();
  std::vector<ArtifactId> found;
  Rows rows(from[references_by_job], id);
  while (rows.next()) found.push_back(read_artifact_id(rows));
  return found;
}

std::vector<StoredJob> read_unfinished(Connection& from, std::optional<JobId> after, std::size_t limit) {
  const auto begin = after ? after->str() : std::string();
  std::vector<StoredJob> found;
  Rows rows(from[unfinished_after], begin, row_limit(limit));
  while (rows.next()) found.push_back(with_rounds(from, read_job_row(rows)));
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
  if (!query.completed && !query.others) return {};
  const char* statement = outcomes_all;
  if (!query.others) statement = outcomes_completed;
  if (!query.completed) statement = outcomes_others;
  const auto id = query.job.str();
  std::vector<OutcomeSegment> found;
  for (const auto round : query.rounds) {
    Rows rows(from[statement], id, round, query.from, query.to, row_limit(query.limit), query.bodies);
    while (rows.next()) found.push_back(read_outcome(rows));
  }
  // Each round came in order; those of a lineage are woven together.
  if (query.rounds.size() > 1) {
    std::sort(found.begin(), found.end(), [](const OutcomeSegment& a, const OutcomeSegment& b) {
      return std::tie(a.chunk, a.round, a.sequence) < std::tie(b.chunk, b.round, b.sequence);
    });
    if (found.size() > query.limit) found.resize(query.limit);
  }
  return found;
}

StoreStats read_stats(Connection& from) {
  const auto count = [&](std::string_view sql) { return static_cast<std::uint64_t>(from.number(sql)); };
  StoreStats stats;
  stats.jobs = count("SELECT count(*) FROM job");
  stats.unfinished = count("SELECT count(*) FROM job WHERE " COREMACHINE_UNFINISHED);
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
