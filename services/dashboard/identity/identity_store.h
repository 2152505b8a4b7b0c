// Where keys and sessions are kept. Errors besides those named: the store's own (UNAVAILABLE with
// POSTGRES_UNAVAILABLE and so on). Implementations are thread safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/dashboard/identity/key.h"

namespace tarn::dashboard {

// Where a key came from.
inline constexpr std::string_view kOriginApi = "api";
inline constexpr std::string_view kOriginAdminFile = "admin-file";
inline constexpr std::string_view kOriginServiceFile = "service-file";

class IdentityStore {
 public:
  virtual ~IdentityStore() = default;

  // Adds a key made by CreateKey. ALREADY_EXISTS with reason REQUEST_ALREADY_DONE when this user
  // made one with the same `request_id`, which may be empty.
  virtual absl::Status InsertKey(const StoredKey& key, std::string_view created_by,
                                 std::string_view request_id) = 0;

  // Adds a key that was read from a file, unless it is there. FAILED_PRECONDITION with reason
  // KEY_ID_TAKEN when there is another key of that id.
  virtual absl::Status RegisterKey(const StoredKey& key, std::string_view origin) = 0;

  // Adds a key of `origin`. Calls `before_commit` before the key can be used by anybody, and drops
  // the key when that fails. When `only_first`, does nothing if there ever was a key of that
  // origin; processes that try at once wait for one another. Says whether the key was added.
  virtual absl::StatusOr<bool> InsertFileKey(
      const StoredKey& key, std::string_view origin, bool only_first,
      const std::function<absl::Status()>& before_commit) = 0;

  // The key of that id in whatever workspace, revoked and expired ones too, or nothing.
  virtual absl::StatusOr<std::optional<StoredKey>> FindKey(std::string_view key_id) = 0;

  // Sets the time of the last use, if it is later than the one that is known.
  virtual absl::Status TouchKey(std::string_view key_id, absl::Time minute) = 0;

  // Keys by id, those after `after_id`, at most `limit`.
  virtual absl::StatusOr<std::vector<Key>> ListKeys(std::string_view workspace,
                                                    std::string_view after_id, int limit) = 0;

  // All keys of a user, the oldest first.
  virtual absl::StatusOr<std::vector<Key>> KeysOfUser(std::string_view workspace,
                                                      std::string_view user) = 0;

  // Revokes a key and ends its sessions; one that is revoked keeps its time. NOT_FOUND with reason
  // KEY_NOT_FOUND; FAILED_PRECONDITION with reason LAST_ADMIN_KEY when no other live key of the
  // workspace has the role admin.
  virtual absl::StatusOr<Key> RevokeKey(std::string_view workspace, std::string_view key_id,
                                        absl::Time now) = 0;

  virtual absl::Status InsertSession(const Session& session) = 0;
  virtual absl::StatusOr<std::optional<Session>> FindSession(std::string_view secret_hash) = 0;
  virtual absl::Status ExtendSession(std::string_view secret_hash, absl::Time expire_time) = 0;
  // Fine if it is gone already.
  virtual absl::Status DeleteSession(std::string_view secret_hash) = 0;
  virtual absl::Status DeleteExpiredSessions(absl::Time now) = 0;
};

}  // namespace tarn::dashboard
