#include "services/dashboard/identity/identity_manager.h"

#include <algorithm>
#include <set>

#include "common/clock/clock.h"
#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/identity/key_secret.h"
#include "services/dashboard/identity/key_validation.h"

namespace tarn::dashboard {
namespace {

// A session that is refreshed every few minutes is not written every time.
constexpr absl::Duration kSessionWriteInterval = absl::Minutes(5);

// One text whether the key is malformed, unknown or wrong.
absl::Status KeyInvalid() {
  return Unauthenticated("KEY_INVALID",
                         "the key is not valid; check that it was copied whole, or ask an "
                         "administrator for a new one");
}

absl::Status SessionInvalid() {
  return Unauthenticated("SESSION_INVALID", "the session has ended; sign in again");
}

auth::Caller CallerOf(const Key& key) {
  return {.workspace = key.workspace,
          .user = key.user,
          .groups = key.groups,
          .roles = key.roles,
          .attributes = key.attributes};
}

absl::Time ToMinute(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 60 * 60);
}

}  // namespace

absl::Status IdentityManager::RefuseUnknown(absl::Status refusal) {
  if (failures_.AllowFailure()) return refusal;
  return ResourceExhausted("TOO_MANY_ATTEMPTS",
                           "too many wrong keys were tried; wait a moment and try again");
}

absl::Status IdentityManager::CheckLive(const Key& key) const {
  if (key.revoke_time.has_value()) {
    return Unauthenticated("KEY_REVOKED",
                           "the key was revoked; ask an administrator for a new one");
  }
  if (key.IsExpired(clock_.Now())) {
    return Unauthenticated("KEY_EXPIRED",
                           "the key has expired; ask an administrator for a new one");
  }
  return absl::OkStatus();
}

absl::StatusOr<Key> IdentityManager::Authenticate(std::string_view secret) {
  std::optional<KeySecret> parsed = ParseKeySecret(secret);
  if (!parsed.has_value()) return RefuseUnknown(KeyInvalid());
  TARN_ASSIGN_OR_RETURN(std::optional<StoredKey> stored, store_.FindKey(parsed->key_id));
  if (!stored.has_value() || !SameHash(stored->secret_hash, HashSecret(secret))) {
    return RefuseUnknown(KeyInvalid());
  }
  TARN_RETURN_IF_ERROR(CheckLive(stored->key));
  absl::Time minute = ToMinute(clock_.Now());
  if (!stored->key.last_use_time.has_value() || *stored->key.last_use_time < minute) {
    // Who may come in does not depend on whether this can be noted down.
    absl::Status touched = store_.TouchKey(stored->key.id, minute);
    if (!touched.ok()) logging::Warn("dashboard", "a key's last use was not noted", touched);
  }
  return std::move(stored->key);
}

absl::StatusOr<IssuedToken> IdentityManager::Issue(auth::Caller caller) const {
  TARN_ASSIGN_OR_RETURN(auth::MintedToken minted,
                        signer_->Mint(caller, auth::kMaxTokenLifetime, clock_));
  return IssuedToken{std::move(minted.token), minted.expire_time, std::move(caller)};
}

absl::StatusOr<IssuedToken> IdentityManager::ExchangeKey(std::string_view secret) {
  TARN_ASSIGN_OR_RETURN(Key key, Authenticate(secret));
  return Issue(CallerOf(key));
}

absl::StatusOr<IssuedToken> IdentityManager::MintToken(std::string_view workspace,
                                                       std::string_view user) {
  TARN_ASSIGN_OR_RETURN(std::vector<Key> keys, store_.KeysOfUser(workspace, user));
  auth::Caller caller{.workspace = std::string(workspace), .user = std::string(user)};
  std::set<std::string> groups;
  std::set<std::string> roles;
  for (const Key& key : keys) {
    if (!key.IsLive(clock_.Now())) continue;
    groups.insert(key.groups.begin(), key.groups.end());
    roles.insert(key.roles.begin(), key.roles.end());
    for (const auto& [name, value] : key.attributes) caller.attributes[name] = value;
  }
  if (roles.empty()) {
    return NotFound("USER_NOT_FOUND",
                    "user " + caller.user + " of workspace " + caller.workspace +
                        " has no live key; make one with CreateKey, or give what it owns to "
                        "another user",
                    {{"user", caller.user}, {"workspace", caller.workspace}});
  }
  caller.groups.assign(groups.begin(), groups.end());
  caller.roles.assign(roles.begin(), roles.end());
  return Issue(std::move(caller));
}

absl::StatusOr<SignedIn> IdentityManager::SignIn(std::string_view secret) {
  TARN_ASSIGN_OR_RETURN(Key key, Authenticate(secret));
  TARN_ASSIGN_OR_RETURN(IssuedToken token, Issue(CallerOf(key)));
  absl::Time now = clock_.Now();
  // Here rather than by a timer: as many go as come.
  TARN_RETURN_IF_ERROR(store_.DeleteExpiredSessions(now));
  std::string session = NewSecret(32);
  TARN_RETURN_IF_ERROR(
      store_.InsertSession({HashSecret(session), key.id, now, now + kSessionLifetime}));
  return SignedIn{std::move(session), std::move(token)};
}

absl::StatusOr<IssuedToken> IdentityManager::RefreshSession(std::string_view session) {
  if (session.empty()) return SessionInvalid();
  std::string hash = HashSecret(session);
  absl::Time now = clock_.Now();
  TARN_ASSIGN_OR_RETURN(std::optional<Session> found, store_.FindSession(hash));
  if (!found.has_value()) return RefuseUnknown(SessionInvalid());
  if (found->expire_time <= now) return SessionInvalid();
  TARN_ASSIGN_OR_RETURN(std::optional<StoredKey> stored, store_.FindKey(found->key_id));
  if (!stored.has_value()) return SessionInvalid();
  TARN_RETURN_IF_ERROR(CheckLive(stored->key));
  if (now + kSessionLifetime - found->expire_time >= kSessionWriteInterval) {
    TARN_RETURN_IF_ERROR(store_.ExtendSession(hash, now + kSessionLifetime));
  }
  return Issue(CallerOf(stored->key));
}

absl::Status IdentityManager::SignOut(std::string_view session) {
  if (session.empty()) return absl::OkStatus();
  return store_.DeleteSession(HashSecret(session));
}

absl::StatusOr<CreatedKey> IdentityManager::CreateKey(const auth::Caller& caller, Key key,
                                                      std::string_view request_id) {
  absl::Time now = clock_.Now();
  TARN_RETURN_IF_ERROR(ValidateNewKey(key, now));
  KeySecret secret = NewKeySecret();
  key.id = secret.key_id;
  key.workspace = caller.workspace;
  key.create_time = absl::FromUnixMicros(absl::ToUnixMicros(now));
  key.revoke_time.reset();
  key.last_use_time.reset();
  TARN_RETURN_IF_ERROR(store_.InsertKey({key, HashSecret(secret.text)}, caller.user, request_id));
  return CreatedKey{std::move(key), std::move(secret.text)};
}

absl::StatusOr<Key> IdentityManager::RevokeKey(std::string_view workspace,
                                               std::string_view key_id) {
  return store_.RevokeKey(workspace, key_id, clock_.Now());
}

}  // namespace tarn::dashboard
