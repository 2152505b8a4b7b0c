-- Raw copies of a stream's records. Everything that arrived since kept_from is in them, or on its way there; 'infinity' while
-- they are turned off.
CREATE TABLE ingestion.raw_copies (
  stream_uid text PRIMARY KEY REFERENCES ingestion.streams (uid) ON DELETE CASCADE,
  kept_from timestamptz NOT NULL,
  begin_time timestamptz,                 -- when they were turned on; NULL: with the stream
  retention_seconds bigint NOT NULL       -- as it was last set
);

-- How far the records of each log are copied.
CREATE TABLE ingestion.raw_logs (
  stream_uid text NOT NULL REFERENCES ingestion.raw_copies (stream_uid) ON DELETE CASCADE,
  log_id text NOT NULL,
  wal_uuid text NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (stream_uid, log_id)
);

-- Streams that were deleted: their raw copies are to be removed, and rows that came from them are nobody else's.
CREATE TABLE ingestion.former_streams (
  uid text PRIMARY KEY,
  workspace text NOT NULL,
  stream_id text NOT NULL,
  definition jsonb NOT NULL,
  create_time timestamptz NOT NULL,
  delete_time timestamptz NOT NULL,
  raw_copies_removed boolean NOT NULL DEFAULT false
);
CREATE INDEX former_streams_with_copies ON ingestion.former_streams (uid) WHERE NOT raw_copies_removed;

-- When the instance that has the log was last seen.
ALTER TABLE ingestion.logs ADD COLUMN seen_at timestamptz;

-- Reprocesses. state: ExecutionState by number; phase: ReprocessPhase by number.
CREATE TABLE ingestion.reprocesses (
  reprocess uuid PRIMARY KEY,             -- ascends with time
  workspace text NOT NULL,
  stream_uid text NOT NULL REFERENCES ingestion.streams (uid) ON DELETE CASCADE,
  state smallint NOT NULL DEFAULT 1,
  phase smallint NOT NULL DEFAULT 0,
  message text NOT NULL DEFAULT '',
  range_start timestamptz NOT NULL,
  range_end timestamptz NOT NULL,
  read_from timestamptz NOT NULL,         -- range_start, or a deduplication's window before it
  destinations text[] NOT NULL,
  requested_by text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now(),
  start_time timestamptz,
  end_time timestamptz,
  error jsonb,
  cancel_requested boolean NOT NULL DEFAULT false,
  records_read bigint NOT NULL DEFAULT 0,
  rows_written bigint NOT NULL DEFAULT 0,
  rows_replaced bigint NOT NULL DEFAULT 0,
  dead_letters bigint NOT NULL DEFAULT 0,
  resolved_dead_letters bigint NOT NULL DEFAULT 0,
  read_until timestamptz,
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz
);
CREATE INDEX reprocesses_by_stream ON ingestion.reprocesses (stream_uid, reprocess);
-- A stream has one at a time.
CREATE UNIQUE INDEX reprocesses_open ON ingestion.reprocesses (stream_uid) WHERE state <= 2;

-- What the instances that have a log of the stream say: in it everything that arrived before the reprocess's end stands before
-- `position`, and is in the raw copies and in all of its destinations, or among the dead letters.
CREATE TABLE ingestion.reprocess_logs (
  reprocess uuid NOT NULL REFERENCES ingestion.reprocesses ON DELETE CASCADE,
  wal_uuid text NOT NULL,
  log_id text NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (reprocess, log_id)
);

-- The commit of one destination, stored before it is sent, so that it is sent again as it was by whoever goes on after a kill.
CREATE TABLE ingestion.reprocess_commits (
  reprocess uuid NOT NULL REFERENCES ingestion.reprocesses ON DELETE CASCADE,
  destination text NOT NULL,
  request bytea NOT NULL,                 -- tarn.catalog.v1.CommitTableRequest; empty: nothing is to be changed
  done boolean NOT NULL DEFAULT false,
  records_read bigint NOT NULL,
  rows_written bigint NOT NULL,
  rows_replaced bigint NOT NULL,
  PRIMARY KEY (reprocess, destination)
);

-- The reprocess that has taken the letter up, or, once it is done, has resolved it (with its replay_time).
ALTER TABLE ingestion.dead_letters ADD COLUMN reprocess uuid;
CREATE INDEX dead_letters_by_reprocess ON ingestion.dead_letters (reprocess) WHERE reprocess IS NOT NULL;

-- Records that did not fit, until the commit is done and they become dead letters.
CREATE TABLE ingestion.reprocess_dead_letters (
  reprocess uuid NOT NULL REFERENCES ingestion.reprocesses ON DELETE CASCADE,
  destination text NOT NULL,
  log_id text NOT NULL,
  position bigint NOT NULL,
  payload bytea NOT NULL,
  reason text NOT NULL,
  field text NOT NULL,
  message text NOT NULL,
  ingest_time timestamptz NOT NULL,
  PRIMARY KEY (reprocess, destination, log_id, position)
);
