// Signs the short-lived tokens by which callers are known. Dashboard alone owns one.
#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/caller.h"
#include "common/auth/ed25519.h"
#include "common/auth/signing_key.h"

namespace tarn {
class Clock;
}

namespace tarn::auth {

// A revoked key stops working when the last token that it bought has expired.
inline constexpr absl::Duration kMaxTokenLifetime = absl::Minutes(5);

struct MintedToken {
  std::string token;
  absl::Time expire_time;
};

// Immutable; any thread.
class TokenSigner {
 public:
  explicit TokenSigner(PrivateKey key);

  // A signer with a new key that lives in memory only.
  static absl::StatusOr<TokenSigner> Generate();
  // Reads the key from a PEM file. Errors: those of ReadSecretFile (common/secret_file), and
  // FAILED_PRECONDITION with reason SIGNING_KEY_UNREADABLE when it holds no Ed25519 key.
  static absl::StatusOr<TokenSigner> FromPemFile(const std::string& path);
  // As FromPemFile, but makes the file, readable by its owner alone, when it is missing. When two
  // processes do so at once, both end with the same key. The file appears whole and flushed.
  static absl::StatusOr<TokenSigner> LoadOrCreate(const std::string& path);

  // A token for `caller` that lives for `lifetime`, at most kMaxTokenLifetime. INVALID_ARGUMENT
  // with reason TOKEN_LIFETIME_INVALID for another lifetime, and CALLER_INVALID for a caller
  // without workspace or user.
  absl::StatusOr<MintedToken> Mint(const Caller& caller, absl::Duration lifetime,
                                   const Clock& clock) const;

  // What GetSigningKeys publishes.
  const SigningKey& signing_key() const { return signing_key_; }

 private:
  PrivateKey key_;
  SigningKey signing_key_;
};

}  // namespace tarn::auth
