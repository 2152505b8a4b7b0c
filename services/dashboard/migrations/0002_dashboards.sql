-- Data sets and dashboards. `spec` is the resource as serialized proto (tarn.dashboard.v1), without
-- what has a column of its own.
CREATE TABLE dashboard.datasets (
  workspace text NOT NULL,
  id text NOT NULL,
  spec bytea NOT NULL,
  owner text NOT NULL,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  etag text NOT NULL,
  PRIMARY KEY (workspace, id)
);

CREATE TABLE dashboard.dashboards (
  workspace text NOT NULL,
  id text NOT NULL,
  spec bytea NOT NULL,
  owner text NOT NULL,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  etag text NOT NULL,
  PRIMARY KEY (workspace, id)
);

-- Which data sets a dashboard names, so that none of them is removed.
CREATE TABLE dashboard.dashboard_datasets (
  workspace text NOT NULL,
  dashboard_id text NOT NULL,
  dataset_id text NOT NULL,
  PRIMARY KEY (workspace, dashboard_id, dataset_id),
  FOREIGN KEY (workspace, dashboard_id) REFERENCES dashboard.dashboards ON DELETE CASCADE,
  FOREIGN KEY (workspace, dataset_id) REFERENCES dashboard.datasets
);
CREATE INDEX dashboard_datasets_by_dataset ON dashboard.dashboard_datasets (workspace, dataset_id);

CREATE TABLE dashboard.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON dashboard.idempotency (created_at);
