-- When dead letters were claimed for a replay: one that was cut short is ended as long as the log knows its request id.
ALTER TABLE ingestion.dead_letters ADD COLUMN replay_claim_time timestamptz;
UPDATE ingestion.dead_letters SET replay_claim_time = now() WHERE replay_id IS NOT NULL AND replay_time IS NULL;

-- Whose intent an upload is, and until when the others leave it alone.
ALTER TABLE ingestion.uploads
  ADD COLUMN instance text NOT NULL DEFAULT '',
  ADD COLUMN lease_expires_at timestamptz NOT NULL DEFAULT now();

-- Streams that were deleted once all of their records in this log were delivered. Such a log may still hold these records
-- when it is opened, and then knows by this that nothing of them is to be delivered.
CREATE TABLE ingestion.drained_streams (
  stream_uid text NOT NULL,
  wal_uuid text NOT NULL,
  delete_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (stream_uid, wal_uuid)
);
