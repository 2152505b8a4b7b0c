-- A connector as its user defined it, who runs it, and how it is doing. `uid` is new with every
-- creation. Status is written by the holder of the lease alone.
CREATE TABLE ingestion.connectors (
  workspace text NOT NULL,
  connector_id text NOT NULL COLLATE "C",
  uid text NOT NULL UNIQUE,
  definition jsonb NOT NULL,           -- tarn.ingestion.v1.Connector, its input fields
  owner text NOT NULL,
  paused boolean NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  connected boolean NOT NULL DEFAULT false,
  state_time timestamptz NOT NULL DEFAULT now(),
  error text NOT NULL DEFAULT '',
  error_time timestamptz,
  message_count bigint NOT NULL DEFAULT 0,
  duplicate_count bigint NOT NULL DEFAULT 0,
  last_message_time timestamptz,
  -- The subscription that the session at the broker has: '' when none is known.
  subscribed_filter text NOT NULL DEFAULT '',
  PRIMARY KEY (workspace, connector_id)
);
