-- Databases, tables, their schema versions, snapshots and files. Rows below a table are keyed by its
-- UUID, which is found through the workspace alone.

CREATE TABLE catalog.databases (
  workspace text NOT NULL,
  database text NOT NULL,
  comment text NOT NULL,
  properties jsonb NOT NULL,
  owner text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now(),
  update_time timestamptz NOT NULL DEFAULT now(),
  revision bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (workspace, database)
);

-- type: 1 managed, 2 external, 3 view (TableType). definition: the newest schema version.
CREATE TABLE catalog.tables (
  uid uuid PRIMARY KEY,
  workspace text NOT NULL,
  database text NOT NULL,
  name text NOT NULL,
  type smallint NOT NULL,
  comment text NOT NULL,
  properties jsonb NOT NULL,
  definition jsonb NOT NULL,
  schema_id integer NOT NULL,
  last_field_id integer NOT NULL,
  location text NOT NULL,
  owner text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now(),
  update_time timestamptz NOT NULL DEFAULT now(),
  revision bigint NOT NULL DEFAULT 1,
  UNIQUE (workspace, database, name),
  FOREIGN KEY (workspace, database) REFERENCES catalog.databases
);

-- Every schema version, with the partition spec, sort order and source that went with it.
CREATE TABLE catalog.table_definitions (
  table_uid uuid NOT NULL REFERENCES catalog.tables ON DELETE CASCADE,
  schema_id integer NOT NULL,
  definition jsonb NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (table_uid, schema_id)
);

-- The narrow row that a commit locks and changes: apart from the definition, so that a commit costs
-- the same however wide the table is, and with room for updates in place.
CREATE TABLE catalog.table_heads (
  table_uid uuid PRIMARY KEY REFERENCES catalog.tables ON DELETE CASCADE,
  snapshot_salt bigint NOT NULL,
  sequence_number bigint NOT NULL DEFAULT 0,
  total_files bigint NOT NULL DEFAULT 0,
  total_rows bigint NOT NULL DEFAULT 0,
  total_bytes bigint NOT NULL DEFAULT 0,
  uncounted_files bigint NOT NULL DEFAULT 0,
  commit_time timestamptz
) WITH (fillfactor = 50);

-- snapshot_id = snapshot_salt * 2^32 + sequence_number. No foreign key: a commit would lock the
-- table's row for it, and the head's lock already guards them.
CREATE TABLE catalog.snapshots (
  table_uid uuid NOT NULL,
  sequence_number bigint NOT NULL,
  snapshot_id bigint NOT NULL,
  parent_id bigint NOT NULL,
  commit_time timestamptz NOT NULL,
  operation smallint NOT NULL,
  schema_id integer NOT NULL,
  request_id text NOT NULL,
  committed_by text NOT NULL,
  added_files bigint NOT NULL,
  removed_files bigint NOT NULL,
  added_rows bigint NOT NULL,
  removed_rows bigint NOT NULL,
  total_files bigint NOT NULL,
  total_rows bigint NOT NULL,
  total_bytes bigint NOT NULL,
  summary jsonb NOT NULL,
  PRIMARY KEY (table_uid, sequence_number)
);
-- The idempotency keys of commits, which live as long as their snapshots.
CREATE UNIQUE INDEX snapshots_request ON catalog.snapshots (table_uid, request_id);
CREATE INDEX snapshots_time ON catalog.snapshots (table_uid, commit_time);

-- A file is in snapshot s when added_seq <= s and (removed_seq is null or removed_seq > s).
-- partition: [["dt","2019-12-21"],["h",null]]. columns: [[field id, null count, lower, upper], …].
CREATE TABLE catalog.data_files (
  table_uid uuid NOT NULL,
  path text NOT NULL,
  derived_path text NOT NULL,
  added_seq bigint NOT NULL,
  removed_seq bigint,
  row_count bigint NOT NULL,
  byte_count bigint NOT NULL,
  partition jsonb NOT NULL,
  columns jsonb,
  modify_time timestamptz
);
CREATE UNIQUE INDEX data_files_live ON catalog.data_files (table_uid, path)
  WHERE removed_seq IS NULL;
CREATE INDEX data_files_added ON catalog.data_files (table_uid, added_seq);
CREATE INDEX data_files_removed ON catalog.data_files (table_uid, removed_seq)
  WHERE removed_seq IS NOT NULL;

-- Up to where the records of a log stand in a table.
CREATE TABLE catalog.log_positions (
  table_uid uuid NOT NULL,
  log_id text NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (table_uid, log_id)
) WITH (fillfactor = 50);

-- Folders and files of the lake that nothing names any more; removed when delete_after is over.
CREATE TABLE catalog.garbage (
  workspace text NOT NULL,
  path text NOT NULL,
  delete_after timestamptz NOT NULL,
  PRIMARY KEY (workspace, path)
);
CREATE INDEX garbage_delete_after ON catalog.garbage (delete_after);

CREATE TABLE catalog.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON catalog.idempotency (created_at);
