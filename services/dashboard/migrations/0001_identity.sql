-- Who may call: keys, and the sessions of people who signed in with one.
CREATE TABLE dashboard.keys (
  key_id text PRIMARY KEY,
  workspace text NOT NULL,
  -- SHA-256 of the whole secret. Secrets are 256 random bits: no salt and no slow hash is needed.
  secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
  display_name text NOT NULL,
  user_id text NOT NULL,
  groups text[] NOT NULL,
  roles text[] NOT NULL,
  attributes jsonb NOT NULL,
  -- 'api', or the key file that the key came from: 'admin-file', 'service-file'.
  origin text NOT NULL,
  -- Who asked for it, and the request: a second CreateKey with the same pair is refused.
  created_by text NOT NULL DEFAULT '',
  request_id text,
  create_time timestamptz NOT NULL,
  expire_time timestamptz,
  revoke_time timestamptz,
  last_use_time timestamptz,
  UNIQUE (workspace, created_by, request_id)
);
CREATE INDEX keys_by_user ON dashboard.keys (workspace, user_id);

CREATE TABLE dashboard.sessions (
  secret_sha256 bytea PRIMARY KEY CHECK (octet_length(secret_sha256) = 32),
  key_id text NOT NULL REFERENCES dashboard.keys,
  create_time timestamptz NOT NULL,
  expire_time timestamptz NOT NULL
);
CREATE INDEX sessions_by_expire_time ON dashboard.sessions (expire_time);
