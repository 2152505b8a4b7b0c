-- A stream delivers to several tables, each with a position and counts of its own. `destination` is the name of its table,
-- databases/{database}/tables/{table}; what was there before is the stream's only one's.
--
-- filtered_records: what activities left out. prepared_*: of the batch that ends at this position, so many are left out;
-- written before its commit, so that a kill behind the commit does not count them among the delivered.
ALTER TABLE ingestion.stream_logs
  ADD COLUMN destination text NOT NULL DEFAULT '',
  ADD COLUMN filtered_records bigint NOT NULL DEFAULT 0,
  ADD COLUMN prepared_position bigint,
  ADD COLUMN prepared_filtered bigint;
UPDATE ingestion.stream_logs AS l SET destination = s.definition ->> 'table'
  FROM ingestion.streams AS s WHERE s.uid = l.stream_uid;
ALTER TABLE ingestion.stream_logs
  DROP CONSTRAINT stream_logs_pkey,
  ADD PRIMARY KEY (stream_uid, log_id, destination);

ALTER TABLE ingestion.dead_letters ADD COLUMN destination text NOT NULL DEFAULT '';
UPDATE ingestion.dead_letters AS d SET destination = s.definition ->> 'table'
  FROM ingestion.streams AS s WHERE s.uid = d.stream_uid;
ALTER TABLE ingestion.dead_letters
  DROP CONSTRAINT dead_letters_pkey,
  ADD PRIMARY KEY (stream_uid, log_id, destination, position);
