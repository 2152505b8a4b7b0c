-- Crawlers, their crawls, and maintenance jobs. state: ExecutionState by number.

CREATE TABLE catalog.crawlers (
  workspace text NOT NULL,
  crawler text NOT NULL,
  database text NOT NULL,
  table_name text NOT NULL,
  path text NOT NULL,
  format smallint NOT NULL,
  csv jsonb,
  xml_row_element text NOT NULL,
  comment text NOT NULL,
  owner text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now(),
  update_time timestamptz NOT NULL DEFAULT now(),
  revision bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (workspace, crawler)
);

CREATE TABLE catalog.crawls (
  workspace text NOT NULL,
  crawler text NOT NULL,
  crawl uuid NOT NULL,
  state smallint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL DEFAULT now(),
  start_time timestamptz,
  end_time timestamptz,
  error jsonb,
  cancel_requested boolean NOT NULL DEFAULT false,
  requested_by text NOT NULL,
  file_count bigint NOT NULL DEFAULT 0,
  changed_file_count bigint NOT NULL DEFAULT 0,
  row_count bigint NOT NULL DEFAULT 0,
  outcome text NOT NULL DEFAULT '',
  problems jsonb NOT NULL DEFAULT '[]',
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  PRIMARY KEY (workspace, crawler, crawl),
  FOREIGN KEY (workspace, crawler) REFERENCES catalog.crawlers ON DELETE CASCADE
);
-- At most one crawl of a crawler waits: StartCrawl gives that one.
CREATE UNIQUE INDEX crawls_queued ON catalog.crawls (workspace, crawler) WHERE state = 1;
-- At most one runs.
CREATE UNIQUE INDEX crawls_running ON catalog.crawls (workspace, crawler) WHERE state = 2;
CREATE INDEX crawls_open ON catalog.crawls (create_time) WHERE state <= 2;

-- What the last successful crawl learned of each file: read again only when size or time differ.
CREATE TABLE catalog.crawled_files (
  workspace text NOT NULL,
  crawler text NOT NULL,
  path text NOT NULL,
  byte_count bigint NOT NULL,
  modify_time timestamptz NOT NULL,
  format smallint NOT NULL,
  row_count bigint NOT NULL,
  derived_path text NOT NULL,
  columns jsonb NOT NULL,
  PRIMARY KEY (workspace, crawler, path),
  FOREIGN KEY (workspace, crawler) REFERENCES catalog.crawlers ON DELETE CASCADE
);

-- kind: MaintenanceKind by number. partitions: [] or those to compact.
CREATE TABLE catalog.maintenance_jobs (
  workspace text NOT NULL,
  job uuid NOT NULL,
  table_uid uuid NOT NULL REFERENCES catalog.tables ON DELETE CASCADE,
  kind smallint NOT NULL,
  target_file_bytes bigint NOT NULL,
  partitions jsonb NOT NULL,
  state smallint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL DEFAULT now(),
  start_time timestamptz,
  end_time timestamptz,
  error jsonb,
  owner text NOT NULL,
  files_before bigint NOT NULL DEFAULT 0,
  files_after bigint NOT NULL DEFAULT 0,
  rewritten_rows bigint NOT NULL DEFAULT 0,
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  PRIMARY KEY (workspace, job)
);
CREATE INDEX maintenance_jobs_table ON catalog.maintenance_jobs (table_uid, create_time);
CREATE INDEX maintenance_jobs_open ON catalog.maintenance_jobs (create_time) WHERE state <= 2;
