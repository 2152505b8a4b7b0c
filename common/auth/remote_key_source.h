// The signing keys as dashboard publishes them (GetSigningKeys). The cache is TokenVerifier's.
// Target tarn_common_auth_remote.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/auth/signing_key.h"

namespace grpc {
class Channel;
}

namespace tarn::auth {

// The channel to dashboard, asked for at every call: it may not exist yet when the caller is built.
using ChannelSource = std::function<std::shared_ptr<grpc::Channel>()>;

class RemoteKeySource : public SigningKeySource {
 public:
  explicit RemoteKeySource(ChannelSource dashboard, absl::Duration timeout = absl::Seconds(5))
      : dashboard_(std::move(dashboard)), timeout_(timeout) {}

  // One call, no retry. The call's error, usually UNAVAILABLE or DEADLINE_EXCEEDED.
  absl::StatusOr<std::vector<SigningKey>> FetchKeys() override;

 private:
  const ChannelSource dashboard_;
  const absl::Duration timeout_;
};

}  // namespace tarn::auth
