-- Grants and policies, what they were, and who changed what.

-- One row a workspace that has any: locked by every change of its policies, so that checks that look
-- at several of them (priorities, cycles) hold. hash_secret: of masks that hash.
CREATE TABLE catalog.governed_workspaces (
  workspace text PRIMARY KEY,
  hash_secret text NOT NULL
);

-- Databases that had a grant once: from then on only grants open them. By name, without a foreign
-- key: one that is dropped and made again stays closed.
CREATE TABLE catalog.governed_databases (
  workspace text NOT NULL,
  database text NOT NULL,
  PRIMARY KEY (workspace, database)
);

-- kind: 1 grant, 2 row filter, 3 column mask (PolicyKind). table_name: '' for a whole database.
-- definition: proto JSON of the resource as its author wrote it. sources: the tables that a row
-- filter reads, as database.table. What they are on is meant by name, as with the databases above.
CREATE TABLE catalog.policies (
  workspace text NOT NULL,
  kind smallint NOT NULL,
  id text NOT NULL,
  database text NOT NULL,
  table_name text NOT NULL,
  definition jsonb NOT NULL,
  sources text[] NOT NULL,
  owner text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now(),
  update_time timestamptz NOT NULL DEFAULT now(),
  version bigint NOT NULL,
  PRIMARY KEY (workspace, kind, id)
);
CREATE INDEX policies_object ON catalog.policies (workspace, database, table_name);

-- Every version, the present one too; they outlive the policy.
CREATE TABLE catalog.policy_versions (
  workspace text NOT NULL,
  kind smallint NOT NULL,
  id text NOT NULL,
  version bigint NOT NULL,
  definition jsonb NOT NULL,
  owner text NOT NULL,
  changed_by text NOT NULL,
  create_time timestamptz NOT NULL,
  time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, kind, id, version)
);

-- action: 1 create, 2 update, 3 delete (AuditAction). before, after: proto JSON.
CREATE TABLE catalog.audit_entries (
  workspace text NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  time timestamptz NOT NULL DEFAULT now(),
  user_name text NOT NULL,
  action smallint NOT NULL,
  resource text NOT NULL,
  before jsonb,
  after jsonb,
  request_id text NOT NULL,
  PRIMARY KEY (workspace, number)
);
CREATE INDEX audit_entries_resource ON catalog.audit_entries (workspace, resource, number);
