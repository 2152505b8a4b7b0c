#include "bench/load/http_producer.h"

#include <unistd.h>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bench/load/load_target.h"
#include "common/status/error.h"

namespace tarn::bench {

HttpProducer::HttpProducer(const std::string& address, const std::string& stream,
                           const std::string& token)
    : head_(absl::StrCat("POST /v1/streams/", stream, "/records HTTP/1.1\r\nHost: ", address,
                         "\r\nAuthorization: Bearer ", token,
                         "\r\nContent-Type: application/x-ndjson\r\nContent-Length: ")) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  int port = 0;
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  socket_ = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  if (socket_ < 0 || !absl::SimpleAtoi(parts.back(), &port) ||
      inet_pton(AF_INET, parts[0].c_str(), &peer.sin_addr) != 1 ||
      (peer.sin_port = htons(static_cast<uint16_t>(port)),
       connect(socket_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer)) != 0 ||
      setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    DieUnlessOk(Unavailable("CONNECT_FAILED", absl::StrCat("no connection to ", address)), "HTTP");
  }
}

HttpProducer::~HttpProducer() { close(socket_); }

void HttpProducer::Send(const MessageBatch& batch) {
  const std::string request = absl::StrCat(head_, batch.lines.size(), "\r\n\r\n");
  std::string_view rest[] = {request, batch.lines};
  for (std::string_view& part : rest) {
    while (!part.empty()) {
      const ssize_t sent = send(socket_, part.data(), part.size(), MSG_NOSIGNAL);
      if (sent <= 0) DieUnlessOk(Unavailable("SEND_FAILED", "the connection broke"), "HTTP");
      part.remove_prefix(static_cast<size_t>(sent));
    }
  }
  std::string answer;
  size_t wanted = std::string::npos;
  while (answer.size() < wanted) {
    char buffer[64 << 10];
    const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) DieUnlessOk(Unavailable("RECEIVE_FAILED", "the connection broke"), "HTTP");
    answer.append(buffer, static_cast<size_t>(got));
    const size_t end = answer.find("\r\n\r\n");
    if (wanted != std::string::npos || end == std::string::npos) continue;
    const std::string head = answer.substr(0, end);
    for (const absl::string_view line : absl::StrSplit(head, "\r\n")) {
      size_t length = 0;
      if (absl::StartsWithIgnoreCase(line, "content-length:") &&
          absl::SimpleAtoi(line.substr(15), &length)) {
        wanted = end + 4 + length;
      }
    }
  }
  if (!absl::StartsWith(answer, "HTTP/1.1 200")) {
    DieUnlessOk(Unavailable("REFUSED", answer.substr(0, 600)), "HTTP");
  }
}

}  // namespace tarn::bench
