#include "core/store/postgres/reads.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/model/codec.hpp"
#include "core/store/postgres/connection_pool.hpp"
#include "core/store/table_rows.hpp"

namespace coremachine::postgres {
namespace {

constexpr char job_by_id[] = "SELECT " COREMACHINE_JOB_COLUMNS " FROM job WHERE id = $1";
constexpr char rounds_of_job[] = "SELECT " COREMACHINE_ROUND_COLUMNS " FROM round WHERE job = $1 ORDER BY round";
constexpr char rounds_latest[] = "SELECT " COREMACHINE_ROUND_COLUMNS
                                 " FROM round WHERE job = $1 AND ($2 = 0 OR stage = $2) ORDER BY round DESC LIMIT $3";
constexpr char round_by_number[] = "SELECT " COREMACHINE_ROUND_COLUMNS " FROM round WHERE job = $1 AND round = $2";

constexpr char definitions_of_round[] =
    "SELECT " COREMACHINE_DEFINITION_COLUMNS ", NULL FROM definition WHERE job = $1 AND round = $2 ORDER BY chunk";
constexpr char definitions_of_chunk[] =
    "SELECT " COREMACHINE_DEFINITION_COLUMNS ", body FROM definition WHERE job = $1 AND round = $2 AND chunk = $3";

// Each round is a range of the key, in order; the rounds are woven together afterwards.
#define COREMACHINE_OUTCOMES(from_more, condition)                                                             \
  "SELECT x.* FROM unnest($2) r (number), " from_more "LATERAL (SELECT " COREMACHINE_OUTCOME_COLUMNS           \
  ", CASE WHEN $6 THEN body END FROM outcome WHERE job = $1 AND round = r.number AND chunk >= $3 AND chunk < " \
  "$4 " condition "ORDER BY chunk, sequence LIMIT $5) x"
constexpr char outcomes_all[] = COREMACHINE_OUTCOMES("", "");
constexpr char outcomes_completed[] = COREMACHINE_OUTCOMES("", "AND kind = 'completed' ");
// The partial index serves a query that repeats its condition.
constexpr char outcomes_of_kinds[] =
    COREMACHINE_OUTCOMES("unnest($7) k (name), ", "AND kind = k.name AND kind <> 'completed' ");
constexpr char outcomes_told[] =
    "SELECT " COREMACHINE_OUTCOME_COLUMNS
    ", body FROM outcome WHERE job = $1 AND round = $2 AND event IS NOT NULL ORDER BY event";
constexpr char outcome_by_place[] =
    "SELECT " COREMACHINE_OUTCOME_COLUMNS
    ", body FROM outcome WHERE job = $1 AND round = $2 AND chunk = $3 AND sequence = $4";
constexpr char outcome_counts[] =
    "SELECT chunk, sum(count) FILTER (WHERE kind = 'completed'), "
    "sum(count) FILTER (WHERE kind = 'failed' AND round = $5), sum(count) FILTER (WHERE kind = 'dead' AND round = $5) "
    "FROM outcome WHERE job = $1 AND round = ANY ($2) AND chunk >= $3 AND chunk < $4 "
    "AND (kind = 'completed' OR (round = $5 AND kind IN ('failed', 'dead'))) GROUP BY chunk ORDER BY chunk";

constexpr char settings_of_kind[] = "SELECT name, value FROM setting WHERE kind = $1 ORDER BY name";
constexpr char key_by_name[] = "SELECT job, fingerprint FROM submission_key WHERE key = $1";
constexpr char ended_after[] =
    "SELECT id, status, finished_at FROM job WHERE id > $1 AND finished_at IS NOT NULL AND (owner = $3 OR NOT EXISTS "
    "(SELECT 1 FROM server s WHERE s.incarnation = job.owner AND NOT s.fenced)) ORDER BY id LIMIT $2";
// A job that was deleted may still have rows that are to be swept.
#define COREMACHINE_JOB_IS_THERE "EXISTS (SELECT 1 FROM job WHERE id = r.job) "
constexpr char references_to[] =
    "SELECT 1 FROM artifact_reference r WHERE artifact = $1 AND " COREMACHINE_JOB_IS_THERE "LIMIT 1";
constexpr char referenced_after[] =
    "SELECT DISTINCT artifact FROM artifact_reference r WHERE artifact > $1 AND " COREMACHINE_JOB_IS_THERE
    "ORDER BY artifact LIMIT $2";
constexpr char references_by_job[] =
    "SELECT artifact FROM artifact_reference r WHERE job = $1 AND " COREMACHINE_JOB_IS_THERE "ORDER BY artifact";
constexpr char any_garbage[] = "SELECT 1 FROM garbage LIMIT 1";

constexpr char counts_of_all[] =
    "SELECT (SELECT count(*) FROM job), "
    "(SELECT count(*) FROM job WHERE status IN ('scheduled', 'queued', 'running', 'paused', 'cancelling')), "
    "(SELECT count(*) FROM round), (SELECT count(*) FROM definition), (SELECT count(*) FROM outcome), "
    "(SELECT count(*) FROM artifact_reference), (SELECT coalesce(max(incarnation), 0) FROM server), "
    "coalesce((SELECT last_batch FROM server WHERE last_batch IS NOT NULL ORDER BY incarnation DESC LIMIT 1), 0), "
    "(SELECT value FROM meta WHERE key = 'coremachine_schema')";
constexpr char tasks_of_all[] =
    "SELECT coalesce((SELECT sum(count) FROM definition), 0) + coalesce((SELECT sum((d ->> 'count')::bigint) "
    "FROM round_state r, json_array_elements(r.state -> 'inline_definitions') d), 0), "
    "coalesce((SELECT sum(count) FROM outcome WHERE kind IN ('completed', 'failed', 'dead')), 0) + "
    "coalesce((SELECT sum((o ->> 'count')::bigint) FROM round_state r, "
    "json_array_elements(r.state -> 'inline_outcomes') o WHERE o ->> 'kind' IN ('completed', 'failed', 'dead')), 0)";
constexpr char bytes_of_tables[] =
    "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'";

ArrayParam numbers_of(const std::vector<RoundNumber>& rounds) {
  ArrayParam numbers;
  for (const auto round : rounds) numbers.put(round);
  return numbers;
}

/// An array without elements does not know of what it is one.
template <class Row, class Read>
std::vector<Row> all_of(Rows rows, const Read& read) {
  std::vector<Row> found;
  found.reserve(static_cast<std::size_t>(rows.count()));
  while (rows.next()) found.push_back(read(rows));
  return found;
}

template <class Row, class Read>
std::optional<Row> one_of(Rows rows, const Read& read) {
  if (!rows.next()) return std::nullopt;
  return read(rows);
}

ArtifactId read_artifact_id(const Rows& rows) {
  return tables::read_artifact_id(rows);
}

}  // namespace

std::optional<StoredJob> read_job(Connection& from, JobId id) {
  // What is sent together is one transaction.
  const auto text = id.str();
  from.add(job_by_id, text);
  from.add(rounds_of_job, text);
  auto answers = from.run();
  if (!answers[0].next()) return std::nullopt;
  return StoredJob{read_job_row(answers[0]), all_of<RoundRow>(std::move(answers[1]), read_round_row)};
}

std::optional<JobRow> read_row(Connection& from, JobId id) {
  return one_of<JobRow>(from.query(job_by_id, id.str()), read_job_row);
}

std::vector<RoundRow> latest_rounds(Connection& from, JobId job, int stage, std::size_t limit) {
  return all_of<RoundRow>(from.query(rounds_latest, job.str(), stage, tables::row_limit(limit)), read_round_row);
}

std::optional<RoundRow> read_round(Connection& from, JobId job, RoundNumber round) {
  return one_of<RoundRow>(from.query(round_by_number, job.str(), round), read_round_row);
}

std::vector<DefinitionSegment> definition_heads(Connection& from, JobId job, RoundNumber round) {
  return all_of<DefinitionSegment>(from.query(definitions_of_round, job.str(), round), read_definition);
}

std::optional<DefinitionSegment> read_definitions(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk) {
  return one_of<DefinitionSegment>(from.query(definitions_of_chunk, job.str(), round, chunk), read_definition);
}

std::vector<OutcomeSegment> read_outcomes(Connection& from, const OutcomeQuery& query) {
  if (query.rounds.empty() || !(query.completed || query.others)) return {};
  const auto id = query.job.str();
  const auto limit = tables::row_limit(query.limit);
  auto rounds = numbers_of(query.rounds);
  const auto add = [&](const char* statement, auto&... kinds) {
    from.add(statement, id, rounds, query.from, query.to, limit, query.bodies, kinds...);
  };
  ArrayParam kinds;
  for (const auto kind :
       {OutcomeKind::failed, OutcomeKind::dead, OutcomeKind::retrying, OutcomeKind::lost, OutcomeKind::progress}) {
    if (is_final(kind) || !query.only_failures) kinds.put(codec::to_string(kind));
  }
  if (query.completed && query.others && !query.only_failures) {
    add(outcomes_all);
  } else {
    if (query.completed) add(outcomes_completed);
    if (query.others) add(outcomes_of_kinds, kinds);
  }
  std::vector<OutcomeSegment> found;
  for (auto& rows : from.run()) {
    while (rows.next()) found.push_back(read_outcome(rows));
  }
  tables::sort_by_place(found, query.limit);
  return found;
}

std::optional<OutcomeSegment> read_outcome(Connection& from, JobId job, RoundNumber round, ChunkNumber chunk,
                                           std::uint32_t sequence) {
  return one_of<OutcomeSegment>(from.query(outcome_by_place, job.str(), round, chunk, sequence),
                                [](const Rows& rows) { return read_outcome(rows); });
}

std::vector<ChunkOutcomes> count_outcomes(Connection& from, JobId job, const std::vector<RoundNumber>& rounds,
                                          ChunkNumber first, ChunkNumber last) {
  if (rounds.empty()) return {};
  auto numbers = numbers_of(rounds);
  return all_of<ChunkOutcomes>(from.query(outcome_counts, job.str(), numbers, first, last, rounds.back()),
                               [](const Rows& rows) {
                                 ChunkOutcomes counts;
                                 counts.chunk = rows.as<ChunkNumber>(0);
                                 counts.completed = rows.as<std::uint32_t>(1);
                                 counts.failed = rows.as<std::uint32_t>(2);
                                 counts.dead = rows.as<std::uint32_t>(3);
                                 return counts;
                               });
}

std::vector<OutcomeSegment> told_failures(Connection& from, JobId job, RoundNumber round) {
  return all_of<OutcomeSegment>(from.query(outcomes_told, job.str(), round),
                                [](const Rows& rows) { return read_outcome(rows); });
}

std::vector<Setting> read_settings(Connection& from, const std::string& kind) {
  return all_of<Setting>(from.query(settings_of_kind, kind), [&](const Rows& rows) {
    return Setting{kind, rows.string(0), rows.text(1)};
  });
}

std::optional<SubmissionKey> find_key(Connection& from, const std::string& key) {
  auto rows = from.query(key_by_name, Bytes{key});
  if (!rows.next()) return std::nullopt;
  return tables::read_key(rows, key);
}

std::vector<Store::EndedJob> read_ended(Connection& from, std::optional<JobId> after, Incarnation self,
                                        std::size_t limit) {
  const auto begin = after ? after->str() : std::string();
  return all_of<Store::EndedJob>(from.query(ended_after, begin, tables::row_limit(limit), self),
                                 [](const Rows& rows) { return tables::read_ended_job(rows); });
}

bool is_referenced(Connection& from, const ArtifactId& artifact) {
  return from.query(references_to, artifact.str()).next();
}

std::vector<ArtifactId> read_referenced(Connection& from, const std::optional<ArtifactId>& after, std::size_t limit) {
  const auto begin = after ? after->str() : std::string();
  return all_of<ArtifactId>(from.query(referenced_after, begin, tables::row_limit(limit)), read_artifact_id);
}

std::vector<ArtifactId> references_of(Connection& from, JobId job) {
  return all_of<ArtifactId>(from.query(references_by_job, job.str()), read_artifact_id);
}

bool has_garbage(Connection& from) {
  return from.query(any_garbage).next();
}

StoreStats read_stats(Connection& from) {
  from.add(counts_of_all);
  from.add(tasks_of_all);
  auto answers = from.run();
  auto& counts = answers[0];
  auto& tasks = answers[1];
  StoreStats stats;
  if (!counts.next() || !tasks.next()) return stats;
  stats.jobs = counts.as<std::uint64_t>(0);
  stats.unfinished = counts.as<std::uint64_t>(1);
  stats.rounds = counts.as<std::uint64_t>(2);
  stats.definition_segments = counts.as<std::uint64_t>(3);
  stats.outcome_segments = counts.as<std::uint64_t>(4);
  stats.artifact_references = counts.as<std::uint64_t>(5);
  stats.incarnation = counts.as<Incarnation>(6);
  stats.last_commit = counts.as<CommitSequence>(7);
  stats.schema_version = counts.as<int>(8);
  stats.tasks_defined = tasks.as<std::uint64_t>(0);
  stats.tasks_finished = tasks.as<std::uint64_t>(1);
  return stats;
}

std::uint64_t read_bytes(Connection& from, const std::string& schema) {
  auto rows = from.query(bytes_of_tables, schema);
  return rows.next() ? rows.as<std::uint64_t>(0) : 0;
}

}  // namespace coremachine::postgres
