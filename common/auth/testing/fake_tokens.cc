#include "common/auth/testing/fake_tokens.h"

#include "common/status/status_macros.h"

namespace tarn::auth {

Caller TestCaller(std::string_view user, std::string_view role) {
  Caller caller;
  caller.workspace = "default";
  caller.user = std::string(user);
  caller.roles = {std::string(role)};
  return caller;
}

TestAuthority::TestAuthority(const Clock& clock)
    : clock_(clock),
      signer_(TokenSigner::Generate().value()),
      keys_({signer_.signing_key()}),
      verifier_(keys_, clock) {}

std::string TestAuthority::TokenFor(const Caller& caller, absl::Duration lifetime) const {
  return signer_.Mint(caller, lifetime, clock_).value().token;
}

absl::StatusOr<std::string> FakeTokenProvider::ServiceToken() {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  return authority_.TokenFor(TestCaller("service", kServiceRole));
}

absl::StatusOr<std::string> FakeTokenProvider::TokenFor(std::string_view workspace,
                                                        std::string_view user) {
  std::lock_guard lock(mutex_);
  TARN_RETURN_IF_ERROR(error_);
  Caller caller = TestCaller(user);
  caller.workspace = std::string(workspace);
  if (auto it = roles_.find(user); it != roles_.end()) caller.roles = it->second;
  return authority_.TokenFor(caller);
}

void FakeTokenProvider::FailWith(absl::Status error) {
  std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

void FakeTokenProvider::SetRoles(std::string_view user, std::vector<std::string> roles) {
  std::lock_guard lock(mutex_);
  roles_[std::string(user)] = std::move(roles);
}

}  // namespace tarn::auth
