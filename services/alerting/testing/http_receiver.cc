#include "services/alerting/testing/http_receiver.h"

#include <unistd.h>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tarn::alerting {

HttpReceiver::HttpReceiver() {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 16) != 0 ||
      getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

HttpReceiver::~HttpReceiver() {
  shutdown(socket_, SHUT_RDWR);
  thread_.join();
  close(socket_);
}

std::string HttpReceiver::url() const {
  return absl::StrCat("http://127.0.0.1:", port_, "/alerts");
}

void HttpReceiver::AnswerNext(std::vector<Answer> answers) {
  std::lock_guard lock(mutex_);
  answers_.assign(answers.begin(), answers.end());
}

std::vector<HttpReceiver::Request> HttpReceiver::WaitFor(size_t count, absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                    [&] { return requests_.size() >= count; });
  return requests_;
}

void HttpReceiver::Serve() {
  for (;;) {
    int connection = accept(socket_, nullptr, nullptr);
    if (connection < 0) return;
    ServeOne(connection);
    close(connection);
  }
}

void HttpReceiver::ServeOne(int connection) {
  std::string data;
  size_t head_end = std::string::npos;
  size_t body_size = 0;
  Request request;
  char buffer[4096];
  for (;;) {
    if (head_end == std::string::npos) {
      head_end = data.find("\r\n\r\n");
      if (head_end != std::string::npos) {
        std::vector<std::string> lines = absl::StrSplit(data.substr(0, head_end), "\r\n");
        request.path = std::vector<std::string>(absl::StrSplit(lines[0], ' '))[1];
        for (size_t i = 1; i < lines.size(); ++i) {
          std::pair<std::string, std::string> header =
              absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
          request.headers[absl::AsciiStrToLower(header.first)] = header.second;
        }
        if (!absl::SimpleAtoi(request.headers["content-length"], &body_size)) body_size = 0;
      }
    }
    if (head_end != std::string::npos && data.size() >= head_end + 4 + body_size) break;
    ssize_t got = recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return;
    data.append(buffer, static_cast<size_t>(got));
  }
  request.body = data.substr(head_end + 4, body_size);
  Answer answer;
  {
    std::lock_guard lock(mutex_);
    if (!answers_.empty()) {
      answer = answers_.front();
      answers_.pop_front();
    }
    requests_.push_back(std::move(request));
  }
  std::string text = absl::StrCat("HTTP/1.1 ", answer.status, " X\r\nContent-Length: 2\r\n",
                                  answer.headers, "Connection: close\r\n\r\nok");
  send(connection, text.data(), text.size(), MSG_NOSIGNAL);
  arrived_.notify_all();
}

}  // namespace tarn::alerting
