-- Rules, their alerts and history, channels, deliveries. Every row is keyed by workspace. A spec is the proto JSON of
-- the resource without its output fields. States are the numbers of the protos' enums.

CREATE TABLE alerting.channels (
  workspace text NOT NULL,
  channel_id text NOT NULL,
  spec jsonb NOT NULL,
  owner text NOT NULL,
  etag text NOT NULL,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  PRIMARY KEY (workspace, channel_id)
);

-- uid tells a rule from one of the same name that was deleted: it is part of the lease's key.
CREATE TABLE alerting.rules (
  workspace text NOT NULL,
  rule_id text NOT NULL,
  uid uuid NOT NULL UNIQUE,
  spec jsonb NOT NULL,
  owner text NOT NULL,
  etag text NOT NULL,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  paused boolean NOT NULL,
  next_evaluation_time timestamptz NOT NULL,
  last_evaluation_time timestamptz,
  last_error text NOT NULL DEFAULT '',
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  PRIMARY KEY (workspace, rule_id)
);
CREATE INDEX rules_due ON alerting.rules (next_evaluation_time) WHERE NOT paused;

-- Which rules name which channels.
CREATE TABLE alerting.rule_channels (
  workspace text NOT NULL,
  rule_id text NOT NULL,
  channel_id text NOT NULL,
  PRIMARY KEY (workspace, rule_id, channel_id),
  FOREIGN KEY (workspace, rule_id) REFERENCES alerting.rules ON DELETE CASCADE,
  FOREIGN KEY (workspace, channel_id) REFERENCES alerting.channels
);
CREATE INDEX rule_channels_channel ON alerting.rule_channels (workspace, channel_id);

-- ever_raised: whether it has ever left OK; one that has not is forgotten as soon as its row is gone.
CREATE TABLE alerting.alerts (
  workspace text NOT NULL,
  rule_id text NOT NULL,
  alert_id text NOT NULL,
  labels jsonb NOT NULL,
  state smallint NOT NULL,
  value double precision NOT NULL,
  state_time timestamptz NOT NULL,
  ever_raised boolean NOT NULL,
  acknowledged_by text NOT NULL DEFAULT '',
  acknowledge_time timestamptz,
  message text NOT NULL DEFAULT '',
  PRIMARY KEY (workspace, rule_id, alert_id),
  FOREIGN KEY (workspace, rule_id) REFERENCES alerting.rules ON DELETE CASCADE
);
CREATE INDEX alerts_firing ON alerting.alerts (workspace, rule_id) WHERE state = 3;

CREATE TABLE alerting.transitions (
  seq bigserial PRIMARY KEY,
  workspace text NOT NULL,
  rule_id text NOT NULL,
  alert_id text NOT NULL,
  labels jsonb NOT NULL,
  from_state smallint NOT NULL,
  to_state smallint NOT NULL,
  value double precision NOT NULL,
  time timestamptz NOT NULL,
  FOREIGN KEY (workspace, rule_id) REFERENCES alerting.rules ON DELETE CASCADE
);
CREATE INDEX transitions_rule ON alerting.transitions (workspace, rule_id, seq);
CREATE INDEX transitions_workspace ON alerting.transitions (workspace, seq);
CREATE INDEX transitions_time ON alerting.transitions (time);

-- One notification through one channel. payload is what the webhook's body says besides id, time and message.
CREATE TABLE alerting.deliveries (
  seq bigserial NOT NULL,
  workspace text NOT NULL,
  delivery_id uuid NOT NULL,
  channel_id text NOT NULL,
  state smallint NOT NULL,
  attempt_count integer NOT NULL DEFAULT 0,
  last_result text NOT NULL DEFAULT '',
  subject text NOT NULL,
  message text NOT NULL,
  payload jsonb NOT NULL,
  create_time timestamptz NOT NULL,
  end_time timestamptz,
  next_attempt_time timestamptz,
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  PRIMARY KEY (workspace, delivery_id)
);
CREATE INDEX deliveries_due ON alerting.deliveries (next_attempt_time) WHERE state = 1;
CREATE INDEX deliveries_pending ON alerting.deliveries (workspace, channel_id, seq) WHERE state = 1;
CREATE INDEX deliveries_workspace ON alerting.deliveries (workspace, seq);
CREATE INDEX deliveries_channel ON alerting.deliveries (workspace, channel_id, seq);
CREATE INDEX deliveries_ended ON alerting.deliveries (end_time) WHERE state <> 1;

CREATE TABLE alerting.idempotency (
  workspace text NOT NULL,
  caller text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  request_hash bytea NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, caller, method, request_id)
);
CREATE INDEX idempotency_created_at ON alerting.idempotency (created_at);
