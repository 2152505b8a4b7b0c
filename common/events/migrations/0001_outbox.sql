-- One outbox for the events of all modules. xid is the transaction that wrote the event: readers read
-- below the oldest one that still runs, ordered by (xid, seq), so that a late commit is not skipped.
CREATE TABLE events.outbox (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigserial NOT NULL,
  id uuid NOT NULL,
  workspace text NOT NULL,
  type text NOT NULL,
  source text NOT NULL,
  subject text NOT NULL,
  time timestamptz NOT NULL,
  data jsonb NOT NULL,
  request_id text NOT NULL,
  PRIMARY KEY (xid, seq)
);
CREATE INDEX outbox_time ON events.outbox (time);
CREATE INDEX outbox_id ON events.outbox (id);

-- How far each subscriber has come.
CREATE TABLE events.cursors (
  name text PRIMARY KEY,
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
