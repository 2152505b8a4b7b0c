// Tokens for tests: a signer with a throw-away key, a verifier that trusts it, and a provider.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/caller.h"
#include "common/auth/signing_key.h"
#include "common/auth/token_provider.h"
#include "common/auth/token_signer.h"
#include "common/auth/token_verifier.h"
#include "common/clock/clock.h"

namespace tarn::auth {

// A caller of workspace "default" with one role.
Caller TestCaller(std::string_view user = "ada", std::string_view role = kEditorRole);

// Signer, key source and verifier in one. Thread safe.
class TestAuthority {
 public:
  explicit TestAuthority(const Clock& clock = SystemClock());

  // A token of `lifetime`; aborts on an invalid caller.
  std::string TokenFor(const Caller& caller, absl::Duration lifetime = kMaxTokenLifetime) const;

  TokenVerifier& verifier() { return verifier_; }
  const TokenSigner& signer() const { return signer_; }

 private:
  const Clock& clock_;
  const TokenSigner signer_;
  FixedKeySource keys_;
  TokenVerifier verifier_;
};

// Mints by a TestAuthority, which must outlive it. Users have role editor unless told otherwise.
// Thread safe.
class FakeTokenProvider : public TokenProvider {
 public:
  // The service speaks as user "service" of workspace "default" with role service.
  explicit FakeTokenProvider(const TestAuthority& authority) : authority_(authority) {}

  absl::StatusOr<std::string> ServiceToken() override;
  absl::StatusOr<std::string> TokenFor(std::string_view workspace, std::string_view user) override;

  // The next calls fail with `error`, until it is set to OK again.
  void FailWith(absl::Status error);
  // What a user has from now on.
  void SetRoles(std::string_view user, std::vector<std::string> roles);

 private:
  const TestAuthority& authority_;
  std::mutex mutex_;
  absl::Status error_;
  std::map<std::string, std::vector<std::string>, std::less<>> roles_;
};

}  // namespace tarn::auth
