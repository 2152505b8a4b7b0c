// Where a module gets the tokens for calls that it makes on its own account.
//
// A call made for a user who is calling just now forwards that user's token instead
// (rpc::CallContext::credentials). Work without a caller (schedules, deliveries, rules) acts as the
// owner recorded on its resource: TokenFor.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn::auth {

// Thread safe. A call may block on the network; the result is good for at least 30 seconds.
// Ask again for every call that is made: tokens are cached here, and nowhere else.
class TokenProvider {
 public:
  virtual ~TokenProvider() = default;

  // A token that speaks for this service. UNAVAILABLE, worth trying again, while dashboard cannot
  // be reached or has not yet written the service key; UNAUTHENTICATED when the key is refused.
  virtual absl::StatusOr<std::string> ServiceToken() = 0;

  // A token that speaks for a user, with what the user may do now. Besides the errors above:
  // NOT_FOUND or PERMISSION_DENIED when the user is gone or disabled.
  virtual absl::StatusOr<std::string> TokenFor(std::string_view workspace,
                                               std::string_view user) = 0;
};

}  // namespace tarn::auth
