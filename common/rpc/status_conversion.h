// The one place where an absl::Status becomes a grpc::Status and back.
//
// On the wire: canonical code, message, and a google.rpc.Status in the binary details with the
// payloads of the Status (ErrorInfo, BadRequest, and any other typed one). An error of somebody
// else, without details, keeps its code and message. Trailers are bounded (gRPC drops a call whose
// trailers are too large): a message above kMaxWireMessageBytes is cut, and payloads that would
// make the details larger than kMaxWireDetailBytes are left out, ErrorInfo last.
// Pure functions; any thread.
#pragma once

#include <cstddef>

#include <absl/status/status.h>

namespace grpc {
class Status;
}

namespace tarn::rpc {

inline constexpr size_t kMaxWireMessageBytes = 8 * 1024;
inline constexpr size_t kMaxWireDetailBytes = 12 * 1024;
// What both ends of our own channels accept as metadata of one call; fits the above when encoded.
inline constexpr int kMaxMetadataBytes = 96 * 1024;

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

// The code's name on the wire: "OK", "NOT_FOUND"…
const char* StatusCodeName(absl::StatusCode code);

}  // namespace tarn::rpc
