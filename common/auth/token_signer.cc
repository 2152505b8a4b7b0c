#include "common/auth/token_signer.h"

#include "common/auth/token_format.h"
#include "common/clock/clock.h"
#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::auth {
namespace {

absl::Status Damaged(const std::string& path, const absl::Status& problem) {
  return FailedPrecondition("SIGNING_KEY_UNREADABLE",
                            "the token signing key " + path +
                                " is damaged: " + std::string(problem.message()) +
                                "; put the right one there, or remove the file to have a key made",
                            {{"path", path}});
}

}  // namespace

TokenSigner::TokenSigner(PrivateKey key)
    : key_(std::move(key)), signing_key_{KeyIdOf(key_.public_key()), key_.public_key()} {}

absl::StatusOr<TokenSigner> TokenSigner::Generate() {
  TARN_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  return TokenSigner(std::move(key));
}

absl::StatusOr<TokenSigner> TokenSigner::FromPemFile(const std::string& path) {
  TARN_ASSIGN_OR_RETURN(std::string pem, ReadSecretFile(path));
  absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(pem);
  if (!key.ok()) return Damaged(path, key.status());
  return TokenSigner(*std::move(key));
}

absl::StatusOr<TokenSigner> TokenSigner::LoadOrCreate(const std::string& path) {
  absl::StatusOr<TokenSigner> existing = FromPemFile(path);
  if (existing.status().code() != absl::StatusCode::kNotFound) return existing;
  TARN_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  TARN_ASSIGN_OR_RETURN(std::string pem, key.ToPem());
  // Read back: another process may have been first.
  const absl::Status created = CreateSecretFile(path, pem);
  if (!created.ok() && created.code() != absl::StatusCode::kAlreadyExists) return created;
  return FromPemFile(path);
}

absl::StatusOr<MintedToken> TokenSigner::Mint(const Caller& caller, absl::Duration lifetime,
                                              const Clock& clock) const {
  if (lifetime < absl::Seconds(1) || lifetime > kMaxTokenLifetime) {
    return InvalidArgument("TOKEN_LIFETIME_INVALID",
                           "a token must live between one second and five minutes");
  }
  if (caller.workspace.empty() || caller.user.empty()) {
    return InvalidArgument("CALLER_INVALID", "a token needs a workspace and a user");
  }
  absl::Time now = clock.Now();
  // The token holds whole seconds; what the caller is told must be the same.
  absl::Time expire_time = absl::FromUnixSeconds(absl::ToUnixSeconds(now + lifetime));
  std::string signed_part = FormatSignedPart(caller, signing_key_.key_id, now, expire_time);
  TARN_ASSIGN_OR_RETURN(std::string signature, key_.Sign(signed_part));
  return MintedToken{FormatToken(signed_part, signature), expire_time};
}

}  // namespace tarn::auth
