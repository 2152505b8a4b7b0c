#include "common/rpc/client.h"

#include <algorithm>
#include <chrono>

#include <absl/random/random.h>

namespace tarn::rpc {

void PrepareContext(grpc::ClientContext& context, const Credentials& credentials,
                    absl::Duration timeout) {
  if (!credentials.token.empty()) {
    context.AddMetadata(kAuthorizationMetadata, "Bearer " + credentials.token);
  }
  if (!credentials.request_id.empty()) {
    context.AddMetadata(kRequestIdMetadata, credentials.request_id);
  }
  if (timeout != absl::InfiniteDuration()) {
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
  }
}

absl::Duration RetryBackoff(const RetryPolicy& policy, int attempt) {
  thread_local absl::BitGen random;
  absl::Duration pause = policy.initial_backoff;
  for (int i = 1; i < attempt && pause < policy.max_backoff; ++i) pause *= 2;
  pause = std::min(pause, policy.max_backoff);
  return pause * absl::Uniform(random, 0.5, 1.0);
}

}  // namespace tarn::rpc
