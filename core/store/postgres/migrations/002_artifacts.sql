R"sql(

-- Large values, by the hash of their content.
CREATE TABLE artifact (
  id         text COLLATE "C" PRIMARY KEY,   -- sha256-…
  content    bigint NOT NULL,                -- where its pieces are
  size       bigint NOT NULL,
  media_type text NOT NULL,
  created_at bigint NOT NULL,                -- when it was last stored
  last_pin   bigint NOT NULL                 -- another one whenever it was stored or pinned
);

-- Pieces of 1 MiB, the last one shorter; none of what is empty.
CREATE TABLE artifact_piece (
  content bigint NOT NULL,
  n       bigint NOT NULL,
  bytes   bytea NOT NULL,
  PRIMARY KEY (content, n)
);
ALTER TABLE artifact_piece ALTER bytes SET STORAGE EXTERNAL;

-- Content that no artifact has: on its way in, by the server `writer`; or on its way out, and kept for those who read it.
CREATE TABLE artifact_loose (
  content    bigint PRIMARY KEY,
  writer     bigint,
  keep_until timestamptz NOT NULL DEFAULT now()
);

-- What a server uses. As long as that server is not fenced the artifact is not removed.
CREATE TABLE artifact_pin (
  number      bigint PRIMARY KEY,
  artifact    text COLLATE "C" NOT NULL,
  incarnation bigint NOT NULL
);

CREATE INDEX artifact_pin_artifact ON artifact_pin (artifact);

-- What the tasks of a stage append to. Whoever appends knows the generation: sealing makes a new one.
CREATE TABLE job_output (
  job        text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  number     bigint NOT NULL UNIQUE,
  generation bigint NOT NULL,
  PRIMARY KEY (job, name)
);

CREATE TABLE job_output_record (
  output bigint NOT NULL,
  seq    bigint NOT NULL,                    -- ascends as they came, over servers too
  key    bytea NOT NULL,
  bytes  bytea NOT NULL,
  PRIMARY KEY (output, seq),
  UNIQUE (output, key)
);
ALTER TABLE job_output_record ALTER bytes SET STORAGE EXTERNAL;

)sql"
