// Frames on a socket between a query service and a worker: a length of 4 bytes, little-endian, and
// a protobuf message. Blocking; restarts after signals. One writer and one reader a direction.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message_lite.h>

namespace tarn::query {

// Longer frames are refused: 64 MiB.
inline constexpr int kMaxFrameBytes = 64 << 20;

// UNAVAILABLE (WORKER_GONE) when the other end has closed.
absl::Status WriteFrame(int fd, const google::protobuf::MessageLite& message);

// Reads the next frame into `message`. UNAVAILABLE (WORKER_GONE) at the end of the stream.
absl::Status ReadFrame(int fd, google::protobuf::MessageLite* message);

// Whether a frame begins to arrive within `timeout_ms`; true as well when the other end has closed.
bool WaitReadable(int fd, int timeout_ms);

}  // namespace tarn::query
