#include "core/store/postgres/batch_writer.hpp"

#include <map>
#include <string>
#include <utility>

#include "core/store/table_rows.hpp"

namespace coremachine::postgres {
namespace {

// An error in the first statement keeps all others from running; dividing by the rows that were hit makes one.
constexpr char fence[] =
    "WITH hit AS (UPDATE server SET last_batch = $2 WHERE incarnation = $1 AND NOT fenced "
    "AND last_batch IS DISTINCT FROM $2 RETURNING 1) SELECT 1 / count(*) FROM hit";

constexpr char discard_rounds[] = "DELETE FROM round WHERE job = $1 AND round >= $2";
constexpr char discard_definitions[] = "DELETE FROM definition WHERE job = $1 AND round > $2";
constexpr char discard_outcomes[] = "DELETE FROM outcome WHERE job = $1 AND round > $2";

// Arrays that are taken apart side by side in the list of a SELECT are not copied, as they would be in its FROM.
constexpr char put_jobs[] =
    "INSERT INTO job (" COREMACHINE_JOB_COLUMNS
    ") SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), "
    "unnest($9), unnest($10), unnest($11), unnest($12), unnest($13), unnest($14), unnest($15) "
    "ON CONFLICT (id) DO UPDATE SET type = excluded.type, version = excluded.version, status = excluded.status, "
    "priority = excluded.priority, tags = excluded.tags, attempt = excluded.attempt, "
    "created_at = excluded.created_at, run_at = excluded.run_at, started_at = excluded.started_at, "
    "finished_at = excluded.finished_at, error = excluded.error, state = excluded.state, params = excluded.params, "
    "result = excluded.result";
constexpr char put_rounds[] =
    "INSERT INTO round (" COREMACHINE_ROUND_COLUMNS
    ") SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8)";
constexpr char put_definitions[] =
    "INSERT INTO definition (" COREMACHINE_DEFINITION_COLUMNS
    ", body) SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8)";
constexpr char put_outcomes[] =
    "INSERT INTO outcome (" COREMACHINE_OUTCOME_COLUMNS
    ", body) SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), "
    "unnest($9), unnest($10), unnest($11), unnest($12), unnest($13), unnest($14), unnest($15), unnest($16), "
    "unnest($17), unnest($18), unnest($19)";

constexpr char put_settings[] =
    "INSERT INTO setting SELECT unnest($1), unnest($2), unnest($3) "
    "ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value";
constexpr char drop_setting[] = "DELETE FROM setting WHERE kind = $1 AND name = $2";
constexpr char put_keys[] =
    "INSERT INTO submission_key SELECT unnest($1), unnest($2), unnest($3) "
    "ON CONFLICT (key) DO UPDATE SET job = excluded.job, fingerprint = excluded.fingerprint";
constexpr char put_references[] = "INSERT INTO artifact_reference SELECT unnest($1), unnest($2) ON CONFLICT DO NOTHING";

constexpr char drop_jobs[] = "DELETE FROM job WHERE id = ANY ($1)";
constexpr char drop_keys[] = "DELETE FROM submission_key WHERE job = ANY ($1)";
constexpr char put_garbage[] = "INSERT INTO garbage SELECT unnest($1) ON CONFLICT DO NOTHING";

// Rows go up to the limit, of one table after the other. A job is no garbage any more once there was room for more.
#define COREMACHINE_SWEPT_ROWS(table, done)                                \
  "(DELETE FROM " table " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " table \
  " WHERE job = ANY (ARRAY(SELECT job FROM victim)) LIMIT greatest($1" done ", 0)))"
constexpr char sweep[] =
    "WITH victim AS MATERIALIZED (SELECT job FROM garbage ORDER BY job LIMIT least($1, 1000)), "
    "o AS " COREMACHINE_SWEPT_ROWS("outcome", "") " RETURNING 1), "
    "d AS " COREMACHINE_SWEPT_ROWS("definition", " - (SELECT count(*) FROM o)") " RETURNING 1), "
    "r AS " COREMACHINE_SWEPT_ROWS("round", " - (SELECT count(*) FROM o) - (SELECT count(*) FROM d)") " RETURNING 1), "
    "a AS " COREMACHINE_SWEPT_ROWS("artifact_reference", " - (SELECT count(*) FROM o) - (SELECT count(*) FROM d) "
                                   "- (SELECT count(*) FROM r)") " RETURNING artifact), "
    "g AS (DELETE FROM garbage WHERE job = ANY (ARRAY(SELECT job FROM victim)) AND (SELECT count(*) FROM o) + "
    "(SELECT count(*) FROM d) + (SELECT count(*) FROM r) + (SELECT count(*) FROM a) < $1) "
    "SELECT artifact FROM a";

/// More than this goes in several statements: the server takes an array apart in memory.
constexpr std::size_t most_bytes = 8 * 1024 * 1024;

class Statement {
 public:
  Statement(Connection& to, const char* sql) : to_(to), sql_(sql) {}
  Columns& columns() {
    if (columns_.bytes() > most_bytes) finish();
    return columns_;
  }
  void finish() {
    if (columns_.rows() > 0) to_.send(sql_, columns_.params());
    columns_.clear();
  }

 private:
  Connection& to_;
  const char* sql_;
  Columns columns_ = {};
};

void discard(Connection& to, const Batch& batch) {
  for (const auto& [job, from] : batch.discards) {
    const auto id = job.str();
    to.add(discard_rounds, id, from);
    to.add(discard_definitions, id, from);
    to.add(discard_outcomes, id, from);
  }
}

void put_rows(Connection& to, const Batch& batch) {
  Statement jobs(to, put_jobs);
  for (const auto& row : batch.jobs) put(jobs.columns(), row);
  jobs.finish();
  Statement rounds(to, put_rounds);
  for (const auto& row : batch.rounds) put(rounds.columns(), row);
  rounds.finish();
  Statement definitions(to, put_definitions);
  for (const auto& [job, segment] : batch.definitions) put(definitions.columns(), job.str(), segment);
  definitions.finish();
  Statement outcomes(to, put_outcomes);
  for (const auto& [job, segment] : batch.outcomes) put(outcomes.columns(), job.str(), segment);
  outcomes.finish();
}

/// One statement may touch a row only once: of what a batch says twice, the last counts.
void put_settings_and_keys(Connection& to, const Batch& batch) {
  std::map<std::pair<std::string_view, std::string_view>, const Setting*> settings;
  for (const auto& setting : batch.settings) settings[{setting.kind, setting.name}] = &setting;
  Statement set(to, put_settings);
  for (const auto& [name, setting] : settings) {
    if (setting->value) {
      set.columns().row(setting->kind, setting->name, setting->value);
    } else {
      to.add(drop_setting, setting->kind, setting->name);
    }
  }
  set.finish();
  std::map<std::string_view, const SubmissionKey*> keys;
  for (const auto& key : batch.keys) keys[key.key] = &key;
  Statement known(to, put_keys);
  for (const auto& [name, key] : keys) known.columns().row(Bytes{name}, key->job.str(), key->fingerprint);
  known.finish();
  Statement references(to, put_references);
  for (const auto& [job, artifact] : batch.references) references.columns().row(job.str(), artifact.str());
  references.finish();
}

void drop(Connection& to, const std::vector<JobId>& deleted) {
  if (deleted.empty()) return;
  ArrayParam jobs;
  for (const auto job : deleted) jobs.put(job.str());
  to.add(drop_jobs, jobs);
  to.add(drop_keys, jobs);
  to.add(put_garbage, jobs);
}

}  // namespace

std::vector<ArtifactId> write_batch(Connection& to, const Batch& batch) {
  to.add(fence, batch.incarnation, batch.sequence);
  discard(to, batch);
  put_rows(to, batch);
  put_settings_and_keys(to, batch);
  drop(to, batch.deletes);
  if (batch.sweep > 0) to.add(sweep, batch.sweep);
  auto answers = to.run();
  std::vector<ArtifactId> released;
  if (batch.sweep == 0) return released;
  for (auto& rows = answers.back(); rows.next();) {
    if (const auto id = ArtifactId::parse(rows.view(0))) released.push_back(*id);
  }
  return released;
}

}  // namespace coremachine::postgres
