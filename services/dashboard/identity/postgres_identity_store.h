// Keys and sessions in PostgreSQL: dashboard.keys and dashboard.sessions.
#pragma once

#include "services/dashboard/identity/identity_store.h"

namespace tarn {
class PostgresPool;
}

namespace tarn::dashboard {

// `pool` must outlive it; the schema is migrated by then.
class PostgresIdentityStore : public IdentityStore {
 public:
  explicit PostgresIdentityStore(PostgresPool& pool) : pool_(pool) {}

  absl::Status InsertKey(const StoredKey& key, std::string_view created_by,
                         std::string_view request_id) override;
  absl::Status RegisterKey(const StoredKey& key, std::string_view origin) override;
  absl::StatusOr<bool> InsertFileKey(const StoredKey& key, std::string_view origin, bool only_first,
                                     const std::function<absl::Status()>& before_commit) override;
  absl::StatusOr<std::optional<StoredKey>> FindKey(std::string_view key_id) override;
  absl::Status TouchKey(std::string_view key_id, absl::Time minute) override;
  absl::StatusOr<std::vector<Key>> ListKeys(std::string_view workspace, std::string_view after_id,
                                            int limit) override;
  absl::StatusOr<std::vector<Key>> KeysOfUser(std::string_view workspace,
                                              std::string_view user) override;
  absl::StatusOr<Key> RevokeKey(std::string_view workspace, std::string_view key_id,
                                absl::Time now) override;

  absl::Status InsertSession(const Session& session) override;
  absl::StatusOr<std::optional<Session>> FindSession(std::string_view secret_hash) override;
  absl::Status ExtendSession(std::string_view secret_hash, absl::Time expire_time) override;
  absl::Status DeleteSession(std::string_view secret_hash) override;
  absl::Status DeleteExpiredSessions(absl::Time now) override;

 private:
  PostgresPool& pool_;
};

}  // namespace tarn::dashboard
