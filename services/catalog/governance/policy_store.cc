#include "services/catalog/governance/policy_store.h"

#include "common/ids/ids.h"

namespace tarn::catalog {
namespace {

int Number(PolicyKind kind) { return static_cast<int>(kind); }

PolicyRecord ReadPolicy(const Row& row) {
  return {.kind = static_cast<PolicyKind>(row.Get<int>("kind")),
          .id = row.Get<std::string>("id"),
          .object = {row.Get<std::string>("database"), row.Get<std::string>("table_name")},
          .definition = row.Get<std::string>("definition"),
          .sources = row.Get<std::vector<std::string>>("sources"),
          .owner = row.Get<std::string>("owner"),
          .create_time = row.Get<absl::Time>("create_time"),
          .update_time = row.Get<absl::Time>("update_time"),
          .version = row.Get<int64_t>("version")};
}

std::vector<PolicyRecord> ReadPolicies(const Result& rows) {
  std::vector<PolicyRecord> policies;
  for (const Row row : rows) policies.push_back(ReadPolicy(row));
  return policies;
}

}  // namespace

void PolicyStore::Lock(const std::string& workspace) {
  // The secret of the first one who comes here stays.
  txn_.Exec(
      "INSERT INTO catalog.governed_workspaces (workspace, hash_secret) VALUES ($1, $2) "
      "ON CONFLICT (workspace) DO NOTHING",
      workspace, NewSecret());
  txn_.Exec("SELECT 1 FROM catalog.governed_workspaces WHERE workspace = $1 FOR UPDATE", workspace);
}

std::string PolicyStore::HashSecret(const std::string& workspace) {
  const std::optional<Row> row =
      txn_.Exec("SELECT hash_secret FROM catalog.governed_workspaces WHERE workspace = $1",
                workspace)
          .First();
  return row ? row->Get<std::string>("hash_secret") : "";
}

std::optional<PolicyRecord> PolicyStore::Find(const std::string& workspace, PolicyKind kind,
                                              const std::string& id) {
  const std::optional<Row> row =
      txn_.Exec("SELECT * FROM catalog.policies WHERE workspace = $1 AND kind = $2 AND id = $3",
                workspace, Number(kind), id)
          .First();
  if (!row) return std::nullopt;
  return ReadPolicy(*row);
}

PolicyRecord PolicyStore::Insert(const std::string& workspace, const std::string& user,
                                 const PolicyRecord& record) {
  PolicyRecord inserted = ReadPolicy(
      txn_.Exec("INSERT INTO catalog.policies (workspace, kind, id, database, table_name, "
                "definition, sources, owner, version) "
                "SELECT $1, $2, $3, $4, $5, $6::jsonb, $7::text[], $8, 1 + coalesce(max(version), "
                "0) FROM catalog.policy_versions WHERE workspace = $1 AND kind = $2 AND id = $3 "
                "RETURNING *",
                workspace, Number(record.kind), record.id, record.object.database,
                record.object.table, record.definition, record.sources, record.owner)
          .One());
  InsertVersion(workspace, user, inserted);
  return inserted;
}

PolicyRecord PolicyStore::Update(const std::string& workspace, const std::string& user,
                                 const PolicyRecord& record) {
  PolicyRecord updated = ReadPolicy(
      txn_.Exec("UPDATE catalog.policies SET definition = $4::jsonb, sources = $5::text[], "
                "owner = $6, update_time = now(), version = version + 1 "
                "WHERE workspace = $1 AND kind = $2 AND id = $3 RETURNING *",
                workspace, Number(record.kind), record.id, record.definition, record.sources,
                record.owner)
          .One());
  InsertVersion(workspace, user, updated);
  return updated;
}

void PolicyStore::InsertVersion(const std::string& workspace, const std::string& user,
                                const PolicyRecord& record) {
  txn_.Exec(
      "INSERT INTO catalog.policy_versions (workspace, kind, id, version, definition, owner, "
      "changed_by, create_time) VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8)",
      workspace, Number(record.kind), record.id, record.version, record.definition, record.owner,
      user, record.create_time);
}

void PolicyStore::Delete(const std::string& workspace, PolicyKind kind, const std::string& id) {
  txn_.Exec("DELETE FROM catalog.policies WHERE workspace = $1 AND kind = $2 AND id = $3",
            workspace, Number(kind), id);
}

std::vector<PolicyRecord> PolicyStore::List(const std::string& workspace, PolicyKind kind,
                                            const std::optional<PolicyObject>& object,
                                            const std::string& after, int limit) {
  return ReadPolicies(txn_.Exec(
      "SELECT * FROM catalog.policies WHERE workspace = $1 AND kind = $2 "
      "AND id > $3 COLLATE \"C\" AND ($4 = '' OR database = $4) AND ($5 = '' OR table_name = $5) "
      "ORDER BY id COLLATE \"C\" LIMIT $6",
      workspace, Number(kind), after, object ? object->database : "", object ? object->table : "",
      limit));
}

std::vector<PolicyRecord> PolicyStore::On(const std::string& workspace, PolicyKind kind,
                                          const PolicyObject& object) {
  return ReadPolicies(
      txn_.ExecPrepared("SELECT * FROM catalog.policies WHERE workspace = $1 AND database = $2 "
                        "AND table_name = $3 AND kind = $4 ORDER BY id COLLATE \"C\"",
                        workspace, object.database, object.table, Number(kind)));
}

int64_t PolicyStore::CountOn(const std::string& workspace, PolicyKind kind,
                             const PolicyObject& object) {
  return txn_
      .Exec(
          "SELECT count(*) AS n FROM catalog.policies WHERE workspace = $1 AND database = $2 "
          "AND table_name = $3 AND kind = $4",
          workspace, object.database, object.table, Number(kind))
      .One()
      .Get<int64_t>("n");
}

std::vector<std::string> PolicyStore::SourcesOf(const std::string& workspace,
                                                const PolicyObject& table) {
  std::vector<std::string> sources;
  for (const PolicyRecord& filter : On(workspace, PolicyKind::kRowFilter, table)) {
    sources.insert(sources.end(), filter.sources.begin(), filter.sources.end());
  }
  return sources;
}

std::vector<PolicyRecordVersion> PolicyStore::Versions(const std::string& workspace,
                                                       PolicyKind kind, const std::string& id,
                                                       int64_t before, int limit) {
  std::vector<PolicyRecordVersion> versions;
  for (const Row row :
       txn_.Exec("SELECT * FROM catalog.policy_versions WHERE workspace = $1 AND kind = $2 "
                 "AND id = $3 AND version < $4 ORDER BY version DESC LIMIT $5",
                 workspace, Number(kind), id, before, limit)) {
    versions.push_back({.record = {.kind = kind,
                                   .id = id,
                                   .object = {},
                                   .definition = row.Get<std::string>("definition"),
                                   .sources = {},
                                   .owner = row.Get<std::string>("owner"),
                                   .create_time = row.Get<absl::Time>("create_time"),
                                   .update_time = row.Get<absl::Time>("time"),
                                   .version = row.Get<int64_t>("version")},
                        .changed_by = row.Get<std::string>("changed_by")});
  }
  return versions;
}

void PolicyStore::MarkGoverned(const std::string& workspace, const std::string& database) {
  txn_.Exec(
      "INSERT INTO catalog.governed_databases (workspace, database) VALUES ($1, $2) "
      "ON CONFLICT DO NOTHING",
      workspace, database);
}

bool PolicyStore::IsGoverned(const std::string& workspace, const std::string& database) {
  return !txn_.ExecPrepared(
                  "SELECT 1 FROM catalog.governed_databases WHERE workspace = $1 AND "
                  "database = $2",
                  workspace, database)
              .empty();
}

}  // namespace tarn::catalog
