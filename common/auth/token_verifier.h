// Verifies bearer tokens offline, with the public keys that dashboard publishes.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/caller.h"
#include "common/auth/ed25519.h"
#include "common/auth/signing_key.h"

namespace tarn {
class Clock;
}

namespace tarn::auth {

struct VerifiedToken {
  Caller caller;
  absl::Time expire_time;
};

// Thread safe. A signature costs some 0.1 ms to check, so that tokens which were verified lately
// are remembered until they end or the key set is fetched again. A token signed by a key in the
// cached set is verified without I/O. An unknown key id makes the set be fetched again, at most
// once every kMinRefreshInterval; a set older than kMaxKeyAge is fetched again as well, and kept
// when that fails.
//
// Every error message is a constant that says what to do; none shows a part of the token.
class TokenVerifier {
 public:
  static constexpr absl::Duration kMinRefreshInterval = absl::Seconds(2);
  static constexpr absl::Duration kMaxKeyAge = absl::Minutes(5);
  // Clocks of two machines may differ by this much.
  static constexpr absl::Duration kLeeway = absl::Seconds(5);

  // `source` and `clock` must outlive the verifier.
  TokenVerifier(SigningKeySource& source, const Clock& clock) : source_(source), clock_(clock) {}

  // Who the token speaks for. UNAUTHENTICATED with reason
  //   TOKEN_MISSING            `token` is empty
  //   TOKEN_MALFORMED          it is not a token of Tarn
  //   TOKEN_EXPIRED            it was one, until a while ago
  //   TOKEN_SIGNATURE_INVALID  unknown key, wrong signature or another issuer
  // UNAVAILABLE with reason SIGNING_KEYS_UNAVAILABLE when the key set cannot be fetched.
  absl::StatusOr<VerifiedToken> Verify(std::string_view token);

 private:
  // The key of that id, from the cache or a fresh set.
  absl::StatusOr<PublicKey> KeyFor(const std::string& key_id);
  absl::StatusOr<PublicKey> CachedKey(const std::string& key_id, bool* stale) const;
  absl::Status CheckTime(const VerifiedToken& verified) const;
  // Fetches the set; needs fetch_mutex_. The last error stands until the next attempt is allowed.
  absl::Status Refresh();

  SigningKeySource& source_;
  const Clock& clock_;

  // Lock order: fetch_mutex_, then keys_mutex_. keys_mutex_ is never held across a fetch.
  std::mutex fetch_mutex_;
  absl::Time last_attempt_ = absl::InfinitePast();
  absl::Status last_result_;

  // What a token that was verified with the present keys says; nothing when it is not known.
  std::optional<VerifiedToken> Remembered(std::string_view token) const;
  void Remember(std::string_view token, const VerifiedToken& verified, absl::Time keys_of);

  struct TokenHash {
    using is_transparent = void;
    size_t operator()(std::string_view token) const { return std::hash<std::string_view>()(token); }
  };

  mutable std::shared_mutex keys_mutex_;
  std::unordered_map<std::string, PublicKey> keys_;
  absl::Time fetch_time_ = absl::InfinitePast();
  std::unordered_map<std::string, VerifiedToken, TokenHash, std::equal_to<>> verified_;
};

}  // namespace tarn::auth
