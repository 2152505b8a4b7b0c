-- Copy into a migration of the module, with its schema's name in place of SCHEMA.
-- response is NULL only inside the transaction that is computing it.
CREATE TABLE SCHEMA.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON SCHEMA.idempotency (created_at);
