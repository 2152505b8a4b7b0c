// Keys and sessions in memory, for tests of the rules. Can be made to fail.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "services/dashboard/identity/identity_store.h"

namespace tarn::dashboard {

// Thread safe.
class FakeIdentityStore : public IdentityStore {
 public:
  // Every call fails with `error` until it is set to OK again.
  void FailWith(absl::Status error);
  size_t session_count() const;

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
  mutable std::mutex mutex_;
  absl::Status error_;
  std::map<std::string, StoredKey, std::less<>> keys_;
  std::set<std::string, std::less<>> origins_;
  std::set<std::pair<std::string, std::string>> requests_;
  std::map<std::string, Session, std::less<>> sessions_;
};

}  // namespace tarn::dashboard
