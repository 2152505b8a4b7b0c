-- Every statement that was asked for: its request, its state, and what came of it.
CREATE TABLE query.queries (
  workspace        text NOT NULL,
  query_id         text NOT NULL,
  user_name        text NOT NULL,
  -- The number of tarn.common.v1.ExecutionState.
  state            smallint NOT NULL,
  -- tarn.query.v1.Statement as proto JSON: what a worker needs to run it.
  statement        jsonb NOT NULL,
  -- tarn.query.v1.Query as proto JSON without what stands in columns.
  detail           jsonb NOT NULL DEFAULT '{}',
  cancel_requested boolean NOT NULL DEFAULT false,
  -- Whether a caller waits on the call itself; such a query is not taken up by another instance.
  attached         boolean NOT NULL,
  create_time      timestamptz NOT NULL DEFAULT now(),
  start_time       timestamptz,
  end_time         timestamptz,
  lease_holder     text,
  lease_epoch      bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  PRIMARY KEY (workspace, query_id)
);

CREATE INDEX queries_by_time ON query.queries (workspace, create_time DESC, query_id DESC);
CREATE INDEX queries_active ON query.queries (create_time) WHERE state IN (1, 2);
CREATE INDEX queries_ended ON query.queries (end_time) WHERE end_time IS NOT NULL;
-- response is NULL only inside the transaction that is computing it.
CREATE TABLE query.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON query.idempotency (created_at);
