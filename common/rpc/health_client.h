// Asks a server's standard health service (grpc.health.v1) whether it serves.
#pragma once

#include <memory>

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace grpc {
class Channel;
}

namespace tarn::rpc {

// OK when the server answers SERVING. UNAVAILABLE with reason MODULE_NOT_SERVING when it answers
// otherwise, UNAVAILABLE or DEADLINE_EXCEEDED when it does not answer. Needs no credential.
absl::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel,
                         absl::Duration timeout = absl::Seconds(2));

}  // namespace tarn::rpc
