-- Dead letters that are put back into the log. A replay claims a batch of them (replay_id, and the log
-- that it goes to), appends it under a request id made of replay_id, and marks it with its positions
-- and the time. Killed in between, the same batch is appended under the same id again.
ALTER TABLE ingestion.dead_letters
  ADD COLUMN attempts int NOT NULL DEFAULT 1,
  ADD COLUMN replay_id text,
  ADD COLUMN replay_log_id text,
  ADD COLUMN replay_position bigint,
  ADD COLUMN replay_time timestamptz;
CREATE INDEX dead_letters_being_replayed ON ingestion.dead_letters (replay_id, dead_letter_id)
  WHERE replay_id IS NOT NULL AND replay_time IS NULL;
CREATE INDEX dead_letters_by_replay_position
  ON ingestion.dead_letters (stream_uid, replay_log_id, replay_position)
  WHERE replay_position IS NOT NULL;

-- What of dead_letter_records waits no more.
ALTER TABLE ingestion.stream_logs
  ADD COLUMN replayed_dead_letters bigint NOT NULL DEFAULT 0,
  ADD COLUMN purged_dead_letters bigint NOT NULL DEFAULT 0;
