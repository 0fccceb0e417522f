R"sql(

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO meta VALUES
  ('incarnation', 0),  -- the last start of a server; what an older one writes is refused
  ('last_commit', 0),  -- the number of the last batch
  ('clean', 0);        -- 1 while no program has the store open and the last one closed it in order

-- Times are milliseconds since 1970, in UTC. Everything that is a structure is JSON.
CREATE TABLE job (
  id          TEXT PRIMARY KEY,  -- sorts by the time of submission
  type        TEXT NOT NULL,
  version     TEXT NOT NULL,
  status      TEXT NOT NULL,
  priority    INTEGER NOT NULL,
  tags        TEXT NOT NULL,
  attempt     INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  run_at      INTEGER,
  started_at  INTEGER,
  finished_at INTEGER,
  error       TEXT,
  state       TEXT NOT NULL,     -- the current round; a small one has its tasks in it
  params      TEXT NOT NULL,     -- these come last, so that a row can be read without them
  result      TEXT
) WITHOUT ROWID;

-- The one index beside the ids: there are few types and few statuses, so that whatever is asked of either is a handful
-- of ranges in it, each in the order of the ids. All that changes for a job of one type lies close together.
CREATE INDEX job_by_type ON job (type, status, id);

-- Rounds that their job has left behind.
CREATE TABLE round (
  job         TEXT NOT NULL,
  round       INTEGER NOT NULL,
  stage       INTEGER NOT NULL,
  status      TEXT NOT NULL,
  started_at  INTEGER,
  finished_at INTEGER,
  result      TEXT,
  state       TEXT NOT NULL,
  PRIMARY KEY (job, round)
) WITHOUT ROWID;

-- The params of one chunk of tasks. Bodies come last, so that a row can be read without them.
CREATE TABLE definition (
  job   TEXT NOT NULL,
  round INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  first INTEGER NOT NULL,        -- index of its first task
  count INTEGER NOT NULL,
  spec  INTEGER NOT NULL,
  specs TEXT,
  body  TEXT NOT NULL,
  PRIMARY KEY (job, round, chunk)
) WITHOUT ROWID;

-- What became of some tasks of one chunk.
CREATE TABLE outcome (
  job         TEXT NOT NULL,
  round       INTEGER NOT NULL,
  chunk       INTEGER NOT NULL,
  sequence    INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  first       INTEGER NOT NULL,  -- the lowest position within the chunk
  count       INTEGER NOT NULL,
  offsets     TEXT,              -- positions within the chunk, when they are not first, first + 1, …
  attempt     INTEGER NOT NULL,
  attempts    TEXT,
  started_at  INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  finished_ms TEXT,
  due_ms      TEXT,
  worker      TEXT NOT NULL,
  one_for_all INTEGER NOT NULL,  -- 1: the body is one value that stands for every task
  event       INTEGER,           -- failed and dead: the sequence of the event that tells of the first of them
  carry       TEXT,              -- what the stage goes on with: results folded, or how far attempts had come
  body        TEXT,
  PRIMARY KEY (job, round, chunk, sequence)
) WITHOUT ROWID;

CREATE INDEX outcome_by_kind ON outcome (job, round, kind, chunk, sequence) WHERE kind <> 'completed';
CREATE INDEX outcome_told ON outcome (job, round, event) WHERE event IS NOT NULL;

-- What operators have set. The value is JSON.
CREATE TABLE setting (
  kind  TEXT NOT NULL,
  name  TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- What makes a submission happen once.
CREATE TABLE submission_key (
  key         TEXT PRIMARY KEY,
  job         TEXT NOT NULL,
  fingerprint TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX submission_key_job ON submission_key (job);

-- Artifacts that texts of a job name: they are kept as long as the job is in the store.
CREATE TABLE artifact_reference (
  job      TEXT NOT NULL,
  artifact TEXT NOT NULL,
  PRIMARY KEY (job, artifact)
) WITHOUT ROWID;

CREATE INDEX artifact_reference_artifact ON artifact_reference (artifact);

-- Jobs that were deleted and whose rounds and segments are still to be swept.
CREATE TABLE garbage (
  job TEXT PRIMARY KEY
) WITHOUT ROWID;

-- ---- views for people ----

-- Every round, the current ones too.
CREATE VIEW round_state AS
  SELECT job, round, stage, status, state FROM round
  UNION ALL
  SELECT id, state ->> '$.round.number', state ->> '$.round.stage', coalesce(state ->> '$.round.status', 'running'),
         state -> '$.round'
  FROM job WHERE state -> '$.round' IS NOT NULL;

-- What `spec` numbers stand for.
CREATE VIEW task_spec AS
  SELECT r.job, r.round, s.key AS spec, s.value ->> '$.task_type' AS task_type, s.value AS detail
  FROM round_state r, json_each(r.state, '$.specs') s;

-- All segments, those that are kept with their job too.
CREATE VIEW definition_segment AS
  SELECT job, round, chunk, first, count, spec, specs, body FROM definition
  UNION ALL
  SELECT r.job, coalesce(d.value ->> '$.round', r.round), coalesce(d.value ->> '$.chunk', 0),
         coalesce(d.value ->> '$.first', 0), d.value ->> '$.count', coalesce(d.value ->> '$.spec', 0),
         d.value -> '$.specs', d.value -> '$.body'
  FROM round_state r, json_each(r.state, '$.inline_definitions') d;

CREATE VIEW outcome_segment AS
  SELECT job, round, chunk, sequence, kind, first, count, offsets, attempt, attempts, started_at, finished_at,
         finished_ms, due_ms, worker, one_for_all, carry, body
  FROM outcome
  UNION ALL
  SELECT r.job, coalesce(o.value ->> '$.round', r.round), coalesce(o.value ->> '$.chunk', 0),
         coalesce(o.value ->> '$.sequence', 0), o.value ->> '$.kind', coalesce(o.value ->> '$.first', 0),
         o.value ->> '$.count', o.value -> '$.offsets', coalesce(o.value ->> '$.attempt', 1), o.value -> '$.attempts',
         o.value ->> '$.started_at', o.value ->> '$.finished_at', o.value -> '$.finished_ms', o.value -> '$.due_ms',
         coalesce(o.value ->> '$.worker', ''), coalesce(o.value ->> '$.one_for_all', 0), o.value -> '$.carry',
         o.value -> '$.body'
  FROM round_state r, json_each(r.state, '$.inline_outcomes') o;

-- One row for each task that was defined.
CREATE VIEW definition_task AS
  SELECT s.job, s.round, s.first + p.key AS task, coalesce(s.specs ->> p.key, s.spec) AS spec,
         CASE WHEN p.type IN ('object', 'array') THEN p.value ELSE s.body -> p.key END AS params
  FROM definition_segment s, json_each(s.body) p;

-- One row for each attempt that ended. `body` is the result of a completed one, else the error.
CREATE VIEW task_result AS
  WITH RECURSIVE place (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM place WHERE i < 1023),
  attempt_end AS (
    SELECT o.*, v.key AS i,
           CASE WHEN v.type IN ('object', 'array') THEN v.value ELSE o.body -> v.key END AS value
    FROM outcome_segment o, json_each(o.body) v WHERE NOT o.one_for_all AND o.kind <> 'progress'
    UNION ALL
    SELECT o.*, place.i, o.body FROM outcome_segment o, place WHERE o.one_for_all AND o.kind <> 'progress' AND place.i < o.count
  )
  SELECT job, round, chunk * 1024 + coalesce(offsets ->> i, first + i) AS task, kind,
         coalesce(attempts ->> i, attempt) AS attempt, started_at,
         coalesce(started_at + (finished_ms ->> i), finished_at) AS finished_at, worker,
         CASE WHEN kind = 'completed' THEN value END AS result,
         CASE WHEN kind <> 'completed' THEN value END AS error,
         coalesce(due_ms ->> i, due_ms ->> 0) AS due_at, sequence
  FROM attempt_end;

-- One row for each task of a round that is finished.
CREATE VIEW task AS
  SELECT job, round, task, kind, attempt, finished_at, worker, result, error
  FROM task_result WHERE kind IN ('completed', 'failed', 'dead');

)sql"
