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
  keep_until timestamptz NOT NULL DEFAULT now(),
  removal    bigint                          -- which removal of artifacts brought it here
);

-- How many artifacts there are, and of how many bytes, is the sum: each change adds a row, and they are added up
-- now and then. One row for all would be fought for.
CREATE TABLE artifact_tally (
  count bigint NOT NULL,
  bytes bigint NOT NULL
);

-- What a server uses. As long as that server is not fenced the artifact is not removed.
CREATE TABLE artifact_pin (
  number      bigint PRIMARY KEY,
  artifact    text COLLATE "C" NOT NULL,
  incarnation bigint NOT NULL
);

CREATE INDEX artifact_pin_artifact ON artifact_pin (artifact);

-- Jobs that ran when their server died, and how many in a row did so with the job in the same place.
CREATE TABLE takeover (
  job    text COLLATE "C" PRIMARY KEY,
  deaths bigint NOT NULL,
  place  text NOT NULL
);

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
  n      bigint GENERATED ALWAYS AS IDENTITY, -- ascends as they came, whichever server they came from
  seq    bigint NOT NULL,                    -- of the server: by it one whose answer was lost knows what it wrote
  key    bytea NOT NULL,
  bytes  bytea NOT NULL,
  PRIMARY KEY (output, n),
  UNIQUE (output, key)
);
ALTER TABLE job_output_record ALTER bytes SET STORAGE EXTERNAL;

)sql"
