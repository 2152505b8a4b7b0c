-- Pipelines, their runs and what these started.
CREATE TABLE transform.pipelines (
  workspace text NOT NULL,
  pipeline_id text NOT NULL,
  -- tarn.transform.v1.Pipeline with what its user gave; the rest is in the columns.
  spec bytea NOT NULL,
  owner text NOT NULL,
  paused boolean NOT NULL,
  max_concurrent_runs integer NOT NULL,
  etag text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  -- When the schedule fires next; NULL without a schedule and while paused.
  next_run_at timestamptz,
  PRIMARY KEY (workspace, pipeline_id)
);
CREATE INDEX pipelines_next_run ON transform.pipelines (next_run_at) WHERE next_run_at IS NOT NULL;

-- One row for each event type that a trigger of a pipeline waits for.
CREATE TABLE transform.triggers (
  workspace text NOT NULL,
  pipeline_id text NOT NULL,
  event_type text NOT NULL,
  PRIMARY KEY (workspace, event_type, pipeline_id),
  FOREIGN KEY (workspace, pipeline_id) REFERENCES transform.pipelines ON DELETE CASCADE
);
CREATE INDEX triggers_pipeline ON transform.triggers (workspace, pipeline_id);

CREATE TABLE transform.runs (
  workspace text NOT NULL,
  run_id text NOT NULL,
  pipeline_id text NOT NULL,
  state text NOT NULL,
  -- tarn.transform.v1.Pipeline as it stood when the run was accepted.
  spec bytea NOT NULL,
  parameters jsonb NOT NULL,
  trigger text NOT NULL,
  owner text NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  -- {"code", "reason", "message", "metadata"}
  error jsonb,
  stop_requested boolean NOT NULL DEFAULT false,
  -- Grows with every change of the run or of one of its steps.
  version bigint NOT NULL DEFAULT 1,
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  PRIMARY KEY (workspace, run_id),
  FOREIGN KEY (workspace, pipeline_id) REFERENCES transform.pipelines ON DELETE CASCADE
);
CREATE INDEX runs_pipeline ON transform.runs (workspace, pipeline_id, run_id DESC);
CREATE INDEX runs_active ON transform.runs (workspace, pipeline_id, run_id)
  WHERE state IN ('QUEUED', 'RUNNING');

CREATE TABLE transform.step_runs (
  workspace text NOT NULL,
  run_id text NOT NULL,
  step_id text NOT NULL,
  -- Its place in an order in which the steps may run.
  ordinal integer NOT NULL,
  state text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  -- Not to be tried again before.
  not_before timestamptz,
  -- The SQL of this attempt, decided before it is sent, so that a takeover sends the same.
  statement text NOT NULL DEFAULT '',
  -- What this attempt started elsewhere: a query, a crawl, a job, a delivery.
  work text NOT NULL DEFAULT '',
  output text NOT NULL DEFAULT '',
  row_count bigint NOT NULL DEFAULT 0,
  error jsonb,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  attempt_started_at timestamptz,
  ended_at timestamptz,
  PRIMARY KEY (workspace, run_id, step_id),
  FOREIGN KEY (workspace, run_id) REFERENCES transform.runs ON DELETE CASCADE
);

-- Everything that runs ever started, so that the events it causes are known as their own.
CREATE TABLE transform.step_works (
  workspace text NOT NULL,
  work text NOT NULL,
  pipeline_id text NOT NULL,
  run_id text NOT NULL,
  step_id text NOT NULL,
  PRIMARY KEY (workspace, work),
  FOREIGN KEY (workspace, run_id) REFERENCES transform.runs ON DELETE CASCADE
);
CREATE INDEX step_works_run ON transform.step_works (workspace, run_id);

-- Events that fit a trigger, until they have become a run or were found to be the pipeline's own.
CREATE TABLE transform.firings (
  workspace text NOT NULL,
  pipeline_id text NOT NULL,
  event_id text NOT NULL,
  trigger text NOT NULL,
  parameters jsonb NOT NULL,
  -- What caused the event: queries, crawls and jobs that its data name.
  causes text[] NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace, pipeline_id, event_id),
  FOREIGN KEY (workspace, pipeline_id) REFERENCES transform.pipelines ON DELETE CASCADE
);
CREATE INDEX firings_created ON transform.firings (created_at);

CREATE TABLE transform.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON transform.idempotency (created_at);
