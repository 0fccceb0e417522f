R"sql(

-- What this schema is, and of which version. Nothing else may be in the schema.
CREATE TABLE meta (
  key   text PRIMARY KEY,
  value bigint NOT NULL
);

-- One row for each start of a server. A commit changes the row of its own incarnation and so proves that nobody has
-- fenced it; the number of the batch in it tells whether a commit that was never answered took place.
CREATE TABLE server (
  incarnation bigint PRIMARY KEY,
  name        text NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT now(),
  fenced      boolean NOT NULL DEFAULT false,  -- true: another server took over, and this one writes nothing any more
  fenced_at   timestamptz,
  last_batch  bigint,                          -- the number of its last batch
  beats       bigint NOT NULL DEFAULT 0        -- counts up as long as it lives; the others look
) WITH (fillfactor = 10);

CREATE SEQUENCE incarnation;

-- Ids are compared byte by byte, whatever the language of the database.
-- Times are milliseconds since 1970, in UTC. Everything that is a structure is JSON, as it was written: jsonb would
-- change numbers and refuse \u0000.
CREATE TABLE job (
  id          text COLLATE "C" PRIMARY KEY,  -- sorts by the time of submission
  type        text COLLATE "C" NOT NULL,
  version     text NOT NULL,
  status      text COLLATE "C" NOT NULL,
  priority    bigint NOT NULL,
  tags        text NOT NULL,
  attempt     bigint NOT NULL,
  created_at  bigint NOT NULL,
  run_at      bigint,
  started_at  bigint,
  finished_at bigint,
  error       text,
  state       text NOT NULL,                 -- the current round; a small one has its tasks in it
  params      text NOT NULL,
  result      text,
  -- The incarnation of the server that has it; the connection that writes says which that is.
  owner       bigint NOT NULL DEFAULT coalesce(nullif(current_setting('coremachine.incarnation', true), ''), '0')::bigint
) WITH (fillfactor = 80);

-- What servers tell each other. What is lost with a crash of the database is asked for again.
CREATE UNLOGGED TABLE message (
  id       bigserial PRIMARY KEY,
  receiver bigint NOT NULL,
  sender   bigint NOT NULL,
  body     text NOT NULL
);

CREATE INDEX message_by_receiver ON message (receiver, id);

-- The one index beside the ids: there are few types and few statuses, so that whatever is asked of either is a handful
-- of ranges in it, each in the order of the ids.
CREATE INDEX job_by_type ON job (type, status, id);

-- Rounds that their job has left behind.
CREATE TABLE round (
  job         text COLLATE "C" NOT NULL,
  round       bigint NOT NULL,
  stage       bigint NOT NULL,
  status      text NOT NULL,
  started_at  bigint,
  finished_at bigint,
  result      text,
  state       text NOT NULL,
  PRIMARY KEY (job, round)
);

-- The params of one chunk of tasks.
CREATE TABLE definition (
  job   text COLLATE "C" NOT NULL,
  round bigint NOT NULL,
  chunk bigint NOT NULL,
  first bigint NOT NULL,             -- index of its first task
  count bigint NOT NULL,
  spec  bigint NOT NULL,
  specs text,
  body  text NOT NULL,
  PRIMARY KEY (job, round, chunk)
);

-- What became of some tasks of one chunk.
CREATE TABLE outcome (
  job         text COLLATE "C" NOT NULL,
  round       bigint NOT NULL,
  chunk       bigint NOT NULL,
  sequence    bigint NOT NULL,
  kind        text COLLATE "C" NOT NULL,
  first       bigint NOT NULL,       -- the lowest position within the chunk
  count       bigint NOT NULL,
  offsets     text,                  -- positions within the chunk, when they are not first, first + 1, …
  attempt     bigint NOT NULL,
  attempts    text,
  started_at  bigint NOT NULL,
  finished_at bigint NOT NULL,
  finished_ms text,
  due_ms      text,
  worker      text NOT NULL,
  one_for_all boolean NOT NULL,      -- the body is one value that stands for every task
  event       bigint,                -- failed and dead: the sequence of the event that tells of the first of them
  carry       text,                  -- what the stage goes on with: results folded, or how far attempts had come
  body        text,
  PRIMARY KEY (job, round, chunk, sequence)
);

CREATE INDEX outcome_by_kind ON outcome (job, round, kind, chunk, sequence) WHERE kind <> 'completed';
CREATE INDEX outcome_told ON outcome (job, round, event) WHERE event IS NOT NULL;

-- A row of a few KB stays in one piece: large values that are moved elsewhere cost several inserts each.
ALTER TABLE job SET (toast_tuple_target = 8160);
ALTER TABLE round SET (toast_tuple_target = 8160);
ALTER TABLE definition SET (toast_tuple_target = 8160);
ALTER TABLE outcome SET (toast_tuple_target = 8160);

-- What operators have set. The value is JSON.
CREATE TABLE setting (
  kind  text COLLATE "C" NOT NULL,
  name  text COLLATE "C" NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (kind, name)
);

-- What makes a submission happen once. Keys are whatever bytes somebody gave.
CREATE TABLE submission_key (
  key         bytea PRIMARY KEY,
  job         text COLLATE "C" NOT NULL,
  fingerprint text NOT NULL
);

CREATE INDEX submission_key_job ON submission_key (job);

-- Artifacts that texts of a job name: they are kept as long as the job is in the store.
CREATE TABLE artifact_reference (
  job      text COLLATE "C" NOT NULL,
  artifact text COLLATE "C" NOT NULL,
  PRIMARY KEY (job, artifact)
);

CREATE INDEX artifact_reference_artifact ON artifact_reference (artifact);

-- Jobs that were deleted and whose rounds and segments are still to be swept.
CREATE TABLE garbage (
  job text COLLATE "C" PRIMARY KEY
);

-- ---- views for people ----

-- PostgreSQL does not look into JSON with a \u0000 in it. While it does, \ufdd0 stands in its place, which is no
-- character.
CREATE FUNCTION marked_json(written text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
  SELECT CASE WHEN strpos(written, '\u0000') = 0 THEN written::json
              ELSE regexp_replace(written, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufdd0', 'g')::json END
$function$;

CREATE FUNCTION unmarked_json(marked json) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
  SELECT CASE WHEN strpos(marked::text, '\ufdd0') = 0 THEN marked
              ELSE replace(marked::text, '\ufdd0', '\u0000')::json END
$function$;

CREATE FUNCTION numbers_of(list json) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
  SELECT CASE WHEN list IS NOT NULL
              THEN ARRAY(SELECT number::bigint FROM json_array_elements_text(list) WITH ORDINALITY e (number, place)
                         ORDER BY place) END
$function$;

-- Every round, the current ones too.
CREATE VIEW round_state AS
  SELECT job, round, stage, status, marked_json(state) AS state FROM round
  UNION ALL
  SELECT id, (current ->> 'number')::bigint, (current ->> 'stage')::bigint, coalesce(current ->> 'status', 'running'),
         current
  FROM job, LATERAL (SELECT marked_json(job.state) -> 'round') s (current)
  WHERE json_typeof(current) = 'object';

-- What `spec` numbers stand for.
CREATE VIEW task_spec AS
  SELECT r.job, r.round, s.place - 1 AS spec, s.detail ->> 'task_type' AS task_type, s.detail
  FROM round_state r, json_array_elements(r.state -> 'specs') WITH ORDINALITY s (detail, place);

-- All segments, those that are kept with their job too.
CREATE VIEW definition_segment AS
  SELECT job, round, chunk, first, count, spec, specs::json AS specs, body::json AS body FROM definition
  UNION ALL
  SELECT r.job, coalesce((d ->> 'round')::bigint, r.round), coalesce((d ->> 'chunk')::bigint, 0),
         coalesce((d ->> 'first')::bigint, 0), (d ->> 'count')::bigint, coalesce((d ->> 'spec')::bigint, 0),
         d -> 'specs', unmarked_json(d -> 'body')
  FROM round_state r, json_array_elements(r.state -> 'inline_definitions') d;

CREATE VIEW outcome_segment AS
  SELECT job, round, chunk, sequence, kind, first, count, offsets::json AS offsets, attempt, attempts::json AS attempts,
         started_at, finished_at, finished_ms::json AS finished_ms, due_ms::json AS due_ms, worker, one_for_all,
         carry::json AS carry, body::json AS body
  FROM outcome
  UNION ALL
  SELECT r.job, coalesce((o ->> 'round')::bigint, r.round), coalesce((o ->> 'chunk')::bigint, 0),
         coalesce((o ->> 'sequence')::bigint, 0), o ->> 'kind', coalesce((o ->> 'first')::bigint, 0),
         (o ->> 'count')::bigint, o -> 'offsets', coalesce((o ->> 'attempt')::bigint, 1), o -> 'attempts',
         (o ->> 'started_at')::bigint, (o ->> 'finished_at')::bigint, o -> 'finished_ms', o -> 'due_ms',
         coalesce(o ->> 'worker', ''), coalesce((o ->> 'one_for_all')::boolean, false), unmarked_json(o -> 'carry'),
         unmarked_json(o -> 'body')
  FROM round_state r, json_array_elements(r.state -> 'inline_outcomes') o;

-- One row for each task that was defined.
CREATE VIEW definition_task AS
  SELECT s.job, s.round, s.first + p.place - 1 AS task, coalesce(l.specs[p.place], s.spec) AS spec, p.params
  FROM definition_segment s, LATERAL (SELECT numbers_of(s.specs)) l (specs),
       json_array_elements(s.body) WITH ORDINALITY p (params, place);

-- One row for each attempt that ended. `result` is what a completed one gave, `error` what another ended with.
CREATE VIEW task_result AS
  WITH segment AS NOT MATERIALIZED (
    SELECT s.*, numbers_of(s.offsets) AS offset_list, numbers_of(s.attempts) AS attempt_list,
           numbers_of(s.finished_ms) AS finished_list, numbers_of(s.due_ms) AS due_list
    FROM outcome_segment s WHERE s.kind <> 'progress'
  ), attempt_end AS NOT MATERIALIZED (
    SELECT s.*, v.place, v.value FROM segment s, json_array_elements(s.body) WITH ORDINALITY v (value, place)
    WHERE NOT s.one_for_all
    UNION ALL
    SELECT s.*, p.place, s.body FROM segment s, generate_series(1, s.count) p (place) WHERE s.one_for_all
  )
  SELECT job, round, chunk * 1024 + coalesce(offset_list[place], first + place - 1) AS task, kind,
         coalesce(attempt_list[place], attempt) AS attempt, started_at,
         coalesce(started_at + finished_list[place], finished_at) AS finished_at, worker,
         CASE WHEN kind = 'completed' THEN value END AS result,
         CASE WHEN kind <> 'completed' THEN value END AS error,
         coalesce(due_list[place], due_list[1]) AS due_at, sequence
  FROM attempt_end;

-- One row for each task of a round that is finished.
CREATE VIEW task AS
  SELECT job, round, task, kind, attempt, finished_at, worker, result, error
  FROM task_result WHERE kind IN ('completed', 'failed', 'dead');

)sql"
