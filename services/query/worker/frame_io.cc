#include "services/query/worker/frame_io.h"

#include <cstdint>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <string>
#include <unistd.h>

#include <sys/socket.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

absl::Status Gone() {
  return Unavailable("WORKER_GONE",
                     "the engine's worker process has ended; run the statement again");
}

absl::Status WriteAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::send(fd, data, size, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Gone();
    data += written;
    size -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

absl::Status ReadAll(int fd, char* data, size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(fd, data, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Gone();
    data += got;
    size -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteFrame(int fd, const google::protobuf::MessageLite& message) {
  std::string frame(sizeof(uint32_t), '\0');
  if (!message.AppendToString(&frame) || frame.size() > kMaxFrameBytes) {
    return ResourceExhausted("FRAME_TOO_LARGE",
                             "a message between query and its worker exceeds 64 MiB");
  }
  const uint32_t length = htole32(static_cast<uint32_t>(frame.size() - sizeof(uint32_t)));
  ::memcpy(frame.data(), &length, sizeof length);
  return WriteAll(fd, frame.data(), frame.size());
}

absl::Status ReadFrame(int fd, google::protobuf::MessageLite* message) {
  uint32_t length = 0;
  TARN_RETURN_IF_ERROR(ReadAll(fd, reinterpret_cast<char*>(&length), sizeof length));
  length = le32toh(length);
  if (length > kMaxFrameBytes)
    return Internal("FRAME_TOO_LARGE", "a worker's message exceeds 64 MiB");
  std::string bytes(length, '\0');
  TARN_RETURN_IF_ERROR(ReadAll(fd, bytes.data(), bytes.size()));
  if (!message->ParseFromString(bytes))
    return Internal("FRAME_MALFORMED", "a worker's message is damaged");
  return absl::OkStatus();
}

bool WaitReadable(int fd, int timeout_ms) {
  pollfd poll_fd = {fd, POLLIN, 0};
  while (true) {
    const int ready = ::poll(&poll_fd, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0;
  }
}

}  // namespace tarn::query
