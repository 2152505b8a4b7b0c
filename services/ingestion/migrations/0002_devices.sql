-- The devices of a workspace.
CREATE TABLE ingestion.devices (
  workspace text NOT NULL,
  device_id text NOT NULL COLLATE "C",
  device_type text NOT NULL,
  attributes jsonb NOT NULL,
  metadata jsonb NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  version bigint NOT NULL,            -- of the registry, when the device was last changed
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  PRIMARY KEY (workspace, device_id)
);
CREATE INDEX devices_by_type ON ingestion.devices (workspace, device_type, device_id);
CREATE INDEX devices_by_version ON ingestion.devices (workspace, version);

-- What changed when: `version` grows with each transaction that changes devices, which holds this
-- row's lock to its end, so that readers who know a version find all that is newer. Who knows one
-- before `deletion_version` has to read all devices again.
CREATE TABLE ingestion.device_registries (
  workspace text PRIMARY KEY,
  version bigint NOT NULL DEFAULT 0,
  deletion_version bigint NOT NULL DEFAULT 0,
  device_count bigint NOT NULL DEFAULT 0
);
