#include "services/dashboard/identity/testing/fake_identity_store.h"

#include <algorithm>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::dashboard {
namespace {

bool IsAdmin(const Key& key) {
  return std::find(key.roles.begin(), key.roles.end(), "admin") != key.roles.end();
}

}  // namespace

void FakeIdentityStore::FailWith(absl::Status error) {
  std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

size_t FakeIdentityStore::session_count() const {
  std::lock_guard lock(mutex_);
  return sessions_.size();
}

absl::Status FakeIdentityStore::InsertKey(const StoredKey& key, std::string_view created_by,
                                          std::string_view request_id) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  if (!request_id.empty() &&
      !requests_.emplace(std::string(created_by), std::string(request_id)).second) {
    return AlreadyExists("REQUEST_ALREADY_DONE", "made already");
  }
  keys_[key.key.id] = key;
  return absl::OkStatus();
}

absl::Status FakeIdentityStore::RegisterKey(const StoredKey& key, std::string_view origin) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  origins_.emplace(origin);
  const StoredKey& there = keys_.emplace(key.key.id, key).first->second;
  if (there.secret_hash == key.secret_hash) return absl::OkStatus();
  return FailedPrecondition("KEY_ID_TAKEN", "another key has that id");
}

absl::StatusOr<bool> FakeIdentityStore::InsertFileKey(
    const StoredKey& key, std::string_view origin, bool only_first,
    const std::function<absl::Status()>& before_commit) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  if (only_first && origins_.contains(origin)) return false;
  TARN_RETURN_IF_ERROR(before_commit());
  origins_.emplace(origin);
  keys_[key.key.id] = key;
  return true;
}

absl::StatusOr<std::optional<StoredKey>> FakeIdentityStore::FindKey(std::string_view key_id) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  auto it = keys_.find(key_id);
  if (it == keys_.end()) return std::nullopt;
  return it->second;
}

absl::Status FakeIdentityStore::TouchKey(std::string_view key_id, absl::Time minute) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  auto it = keys_.find(key_id);
  if (it != keys_.end()) it->second.key.last_use_time = minute;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Key>> FakeIdentityStore::ListKeys(std::string_view workspace,
                                                             std::string_view after_id, int limit) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  std::vector<Key> keys;
  for (auto it = keys_.upper_bound(after_id); it != keys_.end(); ++it) {
    if (static_cast<int>(keys.size()) == limit) break;
    if (it->second.key.workspace == workspace) keys.push_back(it->second.key);
  }
  return keys;
}

absl::StatusOr<std::vector<Key>> FakeIdentityStore::KeysOfUser(std::string_view workspace,
                                                               std::string_view user) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  std::vector<Key> keys;
  for (const auto& [id, stored] : keys_) {
    if (stored.key.workspace == workspace && stored.key.user == user) keys.push_back(stored.key);
  }
  std::stable_sort(keys.begin(), keys.end(),
                   [](const Key& a, const Key& b) { return a.create_time < b.create_time; });
  return keys;
}

absl::StatusOr<Key> FakeIdentityStore::RevokeKey(std::string_view workspace,
                                                 std::string_view key_id, absl::Time now) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  auto it = keys_.find(key_id);
  if (it == keys_.end() || it->second.key.workspace != workspace) {
    return NotFound("KEY_NOT_FOUND", "there is no such key");
  }
  Key& key = it->second.key;
  bool other_admin = std::any_of(keys_.begin(), keys_.end(), [&](const auto& entry) {
    const Key& other = entry.second.key;
    return other.id != key.id && other.workspace == workspace && IsAdmin(other) &&
           other.IsLive(now);
  });
  if (IsAdmin(key) && key.IsLive(now) && !other_admin) {
    return FailedPrecondition("LAST_ADMIN_KEY", "it is the last one");
  }
  if (!key.revoke_time.has_value()) key.revoke_time = now;
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second.key_id == key.id; });
  return key;
}

absl::Status FakeIdentityStore::InsertSession(const Session& session) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  sessions_[session.secret_hash] = session;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Session>> FakeIdentityStore::FindSession(
    std::string_view secret_hash) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  auto it = sessions_.find(secret_hash);
  if (it == sessions_.end()) return std::nullopt;
  return it->second;
}

absl::Status FakeIdentityStore::ExtendSession(std::string_view secret_hash,
                                              absl::Time expire_time) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  auto it = sessions_.find(secret_hash);
  if (it != sessions_.end()) it->second.expire_time = expire_time;
  return absl::OkStatus();
}

absl::Status FakeIdentityStore::DeleteSession(std::string_view secret_hash) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  auto it = sessions_.find(secret_hash);
  if (it != sessions_.end()) sessions_.erase(it);
  return absl::OkStatus();
}

absl::Status FakeIdentityStore::DeleteExpiredSessions(absl::Time now) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second.expire_time <= now; });
  return absl::OkStatus();
}

}  // namespace tarn::dashboard
