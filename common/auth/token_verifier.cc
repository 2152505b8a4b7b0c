#include "common/auth/token_verifier.h"

#include "common/auth/token_format.h"
#include "common/clock/clock.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::auth {
namespace {

constexpr size_t kMaxRemembered = 2000;
constexpr size_t kMaxRememberedBytes = 4096;

absl::Status SignatureInvalid() {
  return Unauthenticated("TOKEN_SIGNATURE_INVALID",
                         "the token was not signed by this installation of Tarn; sign in again, or "
                         "exchange the key for a new token here");
}

}  // namespace

absl::StatusOr<VerifiedToken> TokenVerifier::Verify(std::string_view token) {
  if (token.empty()) {
    return Unauthenticated("TOKEN_MISSING",
                           "the call carries no credential; send the metadata 'authorization: "
                           "Bearer <token>' with a token from SignIn or ExchangeKey");
  }
  if (std::optional<VerifiedToken> known = Remembered(token)) {
    TARN_RETURN_IF_ERROR(CheckTime(*known));
    return *std::move(known);
  }
  TARN_ASSIGN_OR_RETURN(ParsedToken parsed, ParseToken(token));
  // Before the key is looked for: a set that is fetched meanwhile may no longer have it.
  absl::Time keys_of;
  {
    std::shared_lock lock(keys_mutex_);
    keys_of = fetch_time_;
  }
  TARN_ASSIGN_OR_RETURN(PublicKey key, KeyFor(parsed.key_id));
  // The signature first: nothing else in the token is worth an answer before it.
  if (!key.Verifies(parsed.signed_part, parsed.signature) || parsed.issuer != kTokenIssuer) {
    return SignatureInvalid();
  }
  VerifiedToken verified{std::move(parsed.caller), parsed.expire_time};
  TARN_RETURN_IF_ERROR(CheckTime(verified));
  Remember(token, verified, keys_of);
  return verified;
}

absl::Status TokenVerifier::CheckTime(const VerifiedToken& verified) const {
  if (clock_.Now() < verified.expire_time + kLeeway) return absl::OkStatus();
  return Unauthenticated("TOKEN_EXPIRED",
                         "the token has expired; sign in again, or exchange the key for a new "
                         "token (and check this machine's clock if it was issued just now)");
}

std::optional<VerifiedToken> TokenVerifier::Remembered(std::string_view token) const {
  std::shared_lock lock(keys_mutex_);
  // Too old a key set is first fetched again, by the long way.
  if (clock_.Now() - fetch_time_ > kMaxKeyAge) return std::nullopt;
  const auto found = verified_.find(token);
  if (found == verified_.end()) return std::nullopt;
  return found->second;
}

void TokenVerifier::Remember(std::string_view token, const VerifiedToken& verified,
                             absl::Time keys_of) {
  std::unique_lock lock(keys_mutex_);
  if (fetch_time_ != keys_of || token.size() > kMaxRememberedBytes) return;
  if (verified_.size() >= kMaxRemembered) verified_.clear();
  verified_.emplace(token, verified);
}

absl::StatusOr<PublicKey> TokenVerifier::CachedKey(const std::string& key_id, bool* stale) const {
  std::shared_lock lock(keys_mutex_);
  *stale = clock_.Now() - fetch_time_ > kMaxKeyAge;
  auto it = keys_.find(key_id);
  if (it == keys_.end()) return SignatureInvalid();
  return it->second;
}

absl::StatusOr<PublicKey> TokenVerifier::KeyFor(const std::string& key_id) {
  bool stale = false;
  absl::StatusOr<PublicKey> key = CachedKey(key_id, &stale);
  if (key.ok()) {
    if (!stale) return key;
    // One thread refreshes while the others go on with what they have.
    std::unique_lock fetch(fetch_mutex_, std::try_to_lock);
    if (!fetch.owns_lock() || !Refresh().ok()) return key;
    return CachedKey(key_id, &stale);
  }
  std::lock_guard fetch(fetch_mutex_);
  // Another thread may have fetched it while this one waited.
  key = CachedKey(key_id, &stale);
  if (key.ok()) return key;
  TARN_RETURN_IF_ERROR(Refresh());
  return CachedKey(key_id, &stale);
}

absl::Status TokenVerifier::Refresh() {
  absl::Time now = clock_.Now();
  if (now - last_attempt_ < kMinRefreshInterval) return last_result_;
  last_attempt_ = now;
  absl::StatusOr<std::vector<SigningKey>> fetched = source_.FetchKeys();
  if (!fetched.ok()) {
    last_result_ = Unavailable("SIGNING_KEYS_UNAVAILABLE",
                               "the token cannot be verified, because the signing keys could not "
                               "be read from dashboard; check that dashboard runs, then try again");
    return last_result_;
  }
  std::unordered_map<std::string, PublicKey> keys;
  for (const SigningKey& signing_key : *fetched) {
    // A key of a kind that this release does not know is of no use to it.
    absl::StatusOr<PublicKey> key = PublicKey::FromRaw(signing_key.public_key);
    if (key.ok()) keys.emplace(signing_key.key_id, *std::move(key));
  }
  std::unique_lock lock(keys_mutex_);
  keys_ = std::move(keys);
  verified_.clear();
  fetch_time_ = now;
  last_result_ = absl::OkStatus();
  return last_result_;
}

}  // namespace tarn::auth
