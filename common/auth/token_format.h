// The token's form: a JSON Web Token (RFC 7519) in compact form, signed with EdDSA (RFC 8037).
//
//   header   {"alg": "EdDSA", "kid": "<key id>", "typ": "JWT"}
//   payload  {"iss": "tarn", "sub": "<user>", "ws": "<workspace>", "iat": s, "exp": s,
//             "groups": [..], "roles": [..], "attrs": {..}}
//
// Times are seconds since 1970. Internal to common/auth; pure functions.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/caller.h"

namespace tarn::auth {

inline constexpr std::string_view kTokenIssuer = "tarn";
// A longer token is refused before it is looked at.
inline constexpr size_t kMaxTokenBytes = 16 * 1024;

// A token as read, not yet verified.
struct ParsedToken {
  std::string key_id;
  // What the signature covers: header and payload as they came.
  std::string signed_part;
  std::string signature;
  std::string issuer;
  absl::Time expire_time;
  Caller caller;
};

// Header and payload in base64url, joined by a dot: what the signer signs.
std::string FormatSignedPart(const Caller& caller, std::string_view key_id, absl::Time issue_time,
                             absl::Time expire_time);
// The whole token.
std::string FormatToken(std::string_view signed_part, std::string_view signature);

// UNAUTHENTICATED with reason TOKEN_MALFORMED for everything that is not such a token, another
// algorithm included.
absl::StatusOr<ParsedToken> ParseToken(std::string_view token);

}  // namespace tarn::auth
