-- A stream as its user defined it. `uid` is new with every creation, so that a stream made again
-- under an old name has nothing to do with the old one's records.
CREATE TABLE ingestion.streams (
  workspace text NOT NULL,
  stream_id text NOT NULL,
  uid text NOT NULL UNIQUE,
  definition jsonb NOT NULL,          -- tarn.ingestion.v1.Stream, its input fields
  owner text NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  PRIMARY KEY (workspace, stream_id)
);

-- One write-ahead log for each instance. Whoever opens it takes the next epoch (the log's folder is
-- locked, so there is nobody else on its machine); writes of an older epoch are refused.
CREATE TABLE ingestion.logs (
  wal_uuid text PRIMARY KEY,
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz
);

-- How far a stream's records of one log are delivered.
CREATE TABLE ingestion.stream_logs (
  stream_uid text NOT NULL REFERENCES ingestion.streams (uid) ON DELETE CASCADE,
  log_id text NOT NULL,
  wal_uuid text NOT NULL,
  delivered_position bigint NOT NULL DEFAULT 0,
  delivered_records bigint NOT NULL DEFAULT 0,
  dead_letter_records bigint NOT NULL DEFAULT 0,
  last_delivery_time timestamptz,
  PRIMARY KEY (stream_uid, log_id)
);

-- Records that could not be converted. The key makes writing them again harmless.
CREATE TABLE ingestion.dead_letters (
  stream_uid text NOT NULL REFERENCES ingestion.streams (uid) ON DELETE CASCADE,
  log_id text NOT NULL,
  position bigint NOT NULL,
  dead_letter_id bigserial NOT NULL,
  payload bytea NOT NULL,
  reason text NOT NULL,
  field text NOT NULL,
  message text NOT NULL,
  ingest_time timestamptz NOT NULL,
  PRIMARY KEY (stream_uid, log_id, position)
);
CREATE INDEX dead_letters_by_age ON ingestion.dead_letters (stream_uid, dead_letter_id);

-- Files that are about to appear in the landing area: written before the file is renamed into place,
-- removed with the event that tells of it, so that a kill in between loses no event.
CREATE TABLE ingestion.uploads (
  upload_id text PRIMARY KEY,
  workspace text NOT NULL,
  table_name text NOT NULL,
  path text NOT NULL,
  byte_count bigint NOT NULL,
  sha256 text NOT NULL,
  outcome text NOT NULL,
  request_id text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now()
);

-- response is NULL only inside the transaction that is computing it.
CREATE TABLE ingestion.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON ingestion.idempotency (created_at);
