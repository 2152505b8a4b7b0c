// The rules of identity: keys are exchanged for tokens, people sign in for a while, users are what
// their keys say.
//
// A user has no record of its own: it exists while it has a live key, and MintToken gives it the
// union of what its live keys carry; where two keys give one attribute different values, that of
// the key made last counts.
//
// Thread safe but for SetSigner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/caller.h"
#include "common/auth/signing_key.h"
#include "common/auth/token_signer.h"
#include "services/dashboard/identity/attempt_limiter.h"
#include "services/dashboard/identity/identity_store.h"
#include "services/dashboard/identity/key.h"

namespace tarn {
class Clock;
}

namespace tarn::dashboard {

// A session ends so long after it was last used.
inline constexpr absl::Duration kSessionLifetime = absl::Hours(12);

struct IssuedToken {
  std::string token;
  absl::Time expire_time;
  // Whom it speaks for.
  auth::Caller caller;
};

struct SignedIn {
  std::string session;
  IssuedToken token;
};

struct CreatedKey {
  Key key;
  std::string secret;
};

class IdentityManager {
 public:
  // Both must outlive it.
  IdentityManager(IdentityStore& store, const Clock& clock)
      : store_(store), clock_(clock), failures_(clock) {}

  // Before the first call.
  void SetSigner(auth::TokenSigner signer) { signer_ = std::move(signer); }
  std::vector<auth::SigningKey> SigningKeys() const { return {signer_->signing_key()}; }

  // UNAUTHENTICATED with reason KEY_INVALID, KEY_REVOKED or KEY_EXPIRED; RESOURCE_EXHAUSTED with
  // TOO_MANY_ATTEMPTS instead of KEY_INVALID when there were too many of those lately.
  absl::StatusOr<IssuedToken> ExchangeKey(std::string_view secret);

  // NOT_FOUND with reason USER_NOT_FOUND when the user has no live key.
  absl::StatusOr<IssuedToken> MintToken(std::string_view workspace, std::string_view user);

  // As ExchangeKey, and begins a session.
  absl::StatusOr<SignedIn> SignIn(std::string_view secret);
  // Lengthens the session. UNAUTHENTICATED with reason SESSION_INVALID when it has ended, or those
  // of ExchangeKey when its key has.
  absl::StatusOr<IssuedToken> RefreshSession(std::string_view session);
  // OK for a session that has ended too.
  absl::Status SignOut(std::string_view session);

  // Makes a key in the caller's workspace; id and times are set here. Errors: INVALID_FIELD with
  // paths, and those of IdentityStore::InsertKey.
  absl::StatusOr<CreatedKey> CreateKey(const auth::Caller& caller, Key key,
                                       std::string_view request_id);
  absl::StatusOr<std::vector<Key>> ListKeys(std::string_view workspace, std::string_view after_id,
                                            int limit) {
    return store_.ListKeys(workspace, after_id, limit);
  }
  absl::StatusOr<Key> RevokeKey(std::string_view workspace, std::string_view key_id);

 private:
  // The live key of a secret.
  absl::StatusOr<Key> Authenticate(std::string_view secret);
  absl::Status CheckLive(const Key& key) const;
  absl::Status RefuseUnknown(absl::Status refusal);
  absl::StatusOr<IssuedToken> Issue(auth::Caller caller) const;

  IdentityStore& store_;
  const Clock& clock_;
  AttemptLimiter failures_;
  std::optional<auth::TokenSigner> signer_;
};

}  // namespace tarn::dashboard
