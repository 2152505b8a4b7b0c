#include "services/dashboard/identity/postgres_identity_store.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/failpoint/failpoint.h"
#include "common/postgres/postgres_pool.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/identity/key_secret.h"

namespace tarn::dashboard {
namespace {

constexpr std::string_view kSelectKey =
    "SELECT key_id, workspace, secret_sha256, display_name, user_id, groups, roles, attributes, "
    "create_time, expire_time, revoke_time, last_use_time FROM dashboard.keys ";

constexpr std::string_view kInsertKey =
    "INSERT INTO dashboard.keys (key_id, workspace, secret_sha256, display_name, user_id, groups, "
    "roles, attributes, create_time, expire_time, origin, created_by, request_id) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13) ";

std::string Select(std::string_view condition) {
  return std::string(kSelectKey) + std::string(condition);
}

StoredKey KeyOf(const Row& row) {
  StoredKey stored;
  Key& key = stored.key;
  key.id = row.Get<std::string>("key_id");
  key.workspace = row.Get<std::string>("workspace");
  key.display_name = row.Get<std::string>("display_name");
  key.user = row.Get<std::string>("user_id");
  key.groups = row.Get<std::vector<std::string>>("groups");
  key.roles = row.Get<std::vector<std::string>>("roles");
  key.attributes = nlohmann::json::parse(row.Get<std::string>("attributes"))
                       .get<std::map<std::string, std::string>>();
  key.create_time = row.Get<absl::Time>("create_time");
  key.expire_time = row.Get<std::optional<absl::Time>>("expire_time");
  key.revoke_time = row.Get<std::optional<absl::Time>>("revoke_time");
  key.last_use_time = row.Get<std::optional<absl::Time>>("last_use_time");
  stored.secret_hash = row.Get<Bytes>("secret_sha256").data;
  return stored;
}

std::vector<Key> KeysOf(const Result& rows) {
  std::vector<Key> keys;
  for (Row row : rows) keys.push_back(KeyOf(row).key);
  return keys;
}

std::optional<StoredKey> FindKeyIn(Transaction& txn, std::string_view key_id) {
  std::optional<Row> row = txn.Exec(Select("WHERE key_id = $1"), key_id).First();
  if (!row.has_value()) return std::nullopt;
  return KeyOf(*row);
}

Result Insert(Transaction& txn, const StoredKey& stored, std::string_view origin,
              std::string_view created_by, std::optional<std::string> request_id,
              std::string_view conflict = "") {
  const Key& key = stored.key;
  return txn.Exec(std::string(kInsertKey) + std::string(conflict), key.id, key.workspace,
                  Bytes{stored.secret_hash}, key.display_name, key.user, key.groups, key.roles,
                  nlohmann::json(key.attributes).dump(), key.create_time, key.expire_time, origin,
                  created_by, request_id);
}

// Whether somebody could still administer the workspace without the key. Locks the admin keys, so
// that two revocations at once cannot each count on the other's key.
bool OtherAdminExists(Transaction& txn, std::string_view workspace, std::string_view key_id,
                      absl::Time now) {
  Result rows =
      txn.Exec(Select("WHERE workspace = $1 AND 'admin' = ANY (roles) ORDER BY key_id FOR UPDATE"),
               workspace);
  for (Row row : rows) {
    Key key = KeyOf(row).key;
    if (key.id != key_id && key.IsLive(now)) return true;
  }
  return false;
}

}  // namespace

absl::Status PostgresIdentityStore::InsertKey(const StoredKey& key, std::string_view created_by,
                                              std::string_view request_id) {
  std::optional<std::string> request;
  if (!request_id.empty()) request = std::string(request_id);
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    Result inserted = Insert(txn, key, kOriginApi, created_by, request,
                             "ON CONFLICT (workspace, created_by, request_id) DO NOTHING");
    if (inserted.affected_rows() == 1) return absl::OkStatus();
    return AlreadyExists("REQUEST_ALREADY_DONE",
                         "a key was made by this request already, and its secret is not shown "
                         "again; revoke that key and make another with a new request_id");
  });
}

absl::Status PostgresIdentityStore::RegisterKey(const StoredKey& key, std::string_view origin) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    Insert(txn, key, origin, "", std::nullopt, "ON CONFLICT (key_id) DO NOTHING");
    std::optional<StoredKey> there = FindKeyIn(txn, key.key.id);
    if (there.has_value() && SameHash(there->secret_hash, key.secret_hash)) {
      return absl::OkStatus();
    }
    return FailedPrecondition("KEY_ID_TAKEN", "another key has the id " + key.key.id +
                                                  "; make a new secret for this file");
  });
}

absl::StatusOr<bool> PostgresIdentityStore::InsertFileKey(
    const StoredKey& key, std::string_view origin, bool only_first,
    const std::function<absl::Status()>& before_commit) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<bool> {
    txn.Exec("SELECT pg_advisory_xact_lock(hashtext('tarn dashboard file keys'))");
    if (only_first &&
        !txn.Exec("SELECT 1 FROM dashboard.keys WHERE origin = $1 LIMIT 1", origin).empty()) {
      return false;
    }
    Insert(txn, key, origin, "", std::nullopt);
    TARN_RETURN_IF_ERROR(before_commit());
    TARN_FAILPOINT("dashboard.first_start.before_commit");
    return true;
  });
}

absl::StatusOr<std::optional<StoredKey>> PostgresIdentityStore::FindKey(std::string_view key_id) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::optional<StoredKey>> {
    return FindKeyIn(txn, key_id);
  });
}

absl::Status PostgresIdentityStore::TouchKey(std::string_view key_id, absl::Time minute) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "UPDATE dashboard.keys SET last_use_time = $2 "
        "WHERE key_id = $1 AND (last_use_time IS NULL OR last_use_time < $2)",
        key_id, minute);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Key>> PostgresIdentityStore::ListKeys(std::string_view workspace,
                                                                 std::string_view after_id,
                                                                 int limit) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Key>> {
    return KeysOf(txn.Exec(Select("WHERE workspace = $1 AND key_id > $2 ORDER BY key_id LIMIT $3"),
                           workspace, after_id, limit));
  });
}

absl::StatusOr<std::vector<Key>> PostgresIdentityStore::KeysOfUser(std::string_view workspace,
                                                                   std::string_view user) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::vector<Key>> {
    return KeysOf(
        txn.Exec(Select("WHERE workspace = $1 AND user_id = $2 ORDER BY create_time, key_id"),
                 workspace, user));
  });
}

absl::StatusOr<Key> PostgresIdentityStore::RevokeKey(std::string_view workspace,
                                                     std::string_view key_id, absl::Time now) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<Key> {
    bool other_admin = OtherAdminExists(txn, workspace, key_id, now);
    std::optional<StoredKey> stored = FindKeyIn(txn, key_id);
    if (!stored.has_value() || stored->key.workspace != workspace) {
      return NotFound("KEY_NOT_FOUND", "there is no key keys/" + std::string(key_id) +
                                           "; ListKeys shows those that exist");
    }
    Key& key = stored->key;
    bool is_admin = std::find(key.roles.begin(), key.roles.end(), "admin") != key.roles.end();
    if (is_admin && key.IsLive(now) && !other_admin) {
      return FailedPrecondition("LAST_ADMIN_KEY",
                                "keys/" + key.id +
                                    " is the last key of an administrator; make another one "
                                    "before it is revoked");
    }
    if (key.revoke_time.has_value()) return key;
    txn.Exec("UPDATE dashboard.keys SET revoke_time = $2 WHERE key_id = $1", key_id, now);
    txn.Exec("DELETE FROM dashboard.sessions WHERE key_id = $1", key_id);
    key.revoke_time = now;
    return key;
  });
}

absl::Status PostgresIdentityStore::InsertSession(const Session& session) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "INSERT INTO dashboard.sessions (secret_sha256, key_id, create_time, expire_time) "
        "VALUES ($1, $2, $3, $4)",
        Bytes{session.secret_hash}, session.key_id, session.create_time, session.expire_time);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<Session>> PostgresIdentityStore::FindSession(
    std::string_view secret_hash) {
  return pool_.RunReadOnly([&](Transaction& txn) -> absl::StatusOr<std::optional<Session>> {
    std::optional<Row> row = txn.Exec(
                                    "SELECT key_id, create_time, expire_time "
                                    "FROM dashboard.sessions WHERE secret_sha256 = $1",
                                    Bytes{std::string(secret_hash)})
                                 .First();
    if (!row.has_value()) return std::nullopt;
    return Session{std::string(secret_hash), row->Get<std::string>("key_id"),
                   row->Get<absl::Time>("create_time"), row->Get<absl::Time>("expire_time")};
  });
}

absl::Status PostgresIdentityStore::ExtendSession(std::string_view secret_hash,
                                                  absl::Time expire_time) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE dashboard.sessions SET expire_time = $2 WHERE secret_sha256 = $1",
             Bytes{std::string(secret_hash)}, expire_time);
    return absl::OkStatus();
  });
}

absl::Status PostgresIdentityStore::DeleteSession(std::string_view secret_hash) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("DELETE FROM dashboard.sessions WHERE secret_sha256 = $1",
             Bytes{std::string(secret_hash)});
    return absl::OkStatus();
  });
}

absl::Status PostgresIdentityStore::DeleteExpiredSessions(absl::Time now) {
  return pool_.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("DELETE FROM dashboard.sessions WHERE expire_time <= $1", now);
    return absl::OkStatus();
  });
}

}  // namespace tarn::dashboard
