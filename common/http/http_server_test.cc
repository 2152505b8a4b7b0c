// The HTTP server over real sockets, byte by byte where a client library would hide too much.
#include "common/http/http_server.h"

#include <unistd.h>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/time/clock.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/testing/status_matchers.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

HttpServerOptions TestOptions() {
  HttpServerOptions options;
  options.module = "test";
  options.listen = "127.0.0.1:0";
  options.listen_option = "test.http_listen";
  options.max_body_bytes = 1000;
  options.max_total_body_bytes = 1500;
  return options;
}

// Answers with the body that came.
void Echo(HttpRequest request, const std::shared_ptr<HttpResponder>& responder) {
  responder->Respond({200, {}, std::move(request.body)});
}

class Socket {
 public:
  explicit Socket(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    const timeval limit{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Socket() { ::close(fd_); }

  void Send(const std::string& text) {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Reads until `text` has come, or the server closes.
  std::string ReadUntil(const std::string& text) {
    std::string got;
    char piece[4096];
    while (!absl::StrContains(got, text)) {
      const ssize_t count = ::recv(fd_, piece, sizeof piece, 0);
      if (count <= 0) break;
      got.append(piece, static_cast<size_t>(count));
    }
    return got;
  }

 private:
  const int fd_;
};

std::string Post(size_t length, const std::string& more = "") {
  return "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         more + "\r\n";
}

TEST(HttpServerTest, APortInUseAndAnOpenListenerAreRefused) {
  HttpHandler none = [](HttpRequest, std::shared_ptr<HttpResponder>) {};
  HttpServerOptions options = TestOptions();
  ASSERT_OK_AND_ASSIGN(auto server, HttpServer::Start(options, none));
  options.listen = server->address();
  EXPECT_THAT(HttpServer::Start(options, none),
              StatusIs(absl::StatusCode::kFailedPrecondition, "PORT_IN_USE",
                       HasSubstr("test.http_listen")));
  options.listen = "0.0.0.0:0";
  EXPECT_THAT(HttpServer::Start(options, none),
              StatusIs(absl::StatusCode::kFailedPrecondition, "INSECURE_LISTENER"));
}

TEST(HttpServerTest, AClientThatAsksBeforeItSendsIsToldToGoOn) {
  ASSERT_OK_AND_ASSIGN(auto server, HttpServer::Start(TestOptions(), Echo));
  Socket socket(server->address());
  socket.Send(Post(4, "Expect: 100-continue\r\n"));
  EXPECT_EQ(socket.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.Send("body");
  EXPECT_THAT(socket.ReadUntil("body"), HasSubstr("200 OK"));
}

TEST(HttpServerTest, ABodyThatIsTooLargeIsRefusedBeforeItIsRead) {
  ASSERT_OK_AND_ASSIGN(auto server, HttpServer::Start(TestOptions(), Echo));
  Socket asks(server->address());
  asks.Send(Post(1001, "Expect: 100-continue\r\n"));
  const std::string answer = asks.ReadUntil("}");
  EXPECT_THAT(answer, HasSubstr("413 "));
  EXPECT_THAT(answer, HasSubstr("\"code\":\"invalid_argument\""));
  Socket chunked(server->address());
  chunked.Send("POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
               std::string(2000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.ReadUntil("}"), HasSubstr("413 "));
}

TEST(HttpServerTest, BodiesOfAllRequestsTogetherAreBounded) {
  ASSERT_OK_AND_ASSIGN(auto server, HttpServer::Start(TestOptions(), Echo));
  Socket first(server->address());
  first.Send(Post(1000, "Expect: 100-continue\r\n"));
  first.ReadUntil("\r\n\r\n");  // its thousand bytes are spoken for
  Socket second(server->address());
  second.Send(Post(1000, "Expect: 100-continue\r\n"));
  const std::string answer = second.ReadUntil("}");
  EXPECT_THAT(answer, HasSubstr("503 "));
  EXPECT_THAT(answer, HasSubstr("retry-after: 1"));
  first.Send(std::string(1000, 'x'));
  EXPECT_THAT(first.ReadUntil(std::string(1000, 'x')), HasSubstr("200 OK"));
  // The next request of the same connection: the first one's bytes came back.
  first.Send(Post(1000) + std::string(1000, 'y'));
  EXPECT_THAT(first.ReadUntil(std::string(1000, 'y')), HasSubstr("200 OK"));
}

TEST(HttpServerTest, AConnectionThatBreaksOffGivesItsBytesBack) {
  ASSERT_OK_AND_ASSIGN(auto server, HttpServer::Start(TestOptions(), Echo));
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  for (int i = 0; i < 5; ++i) {
    // Refused until the connection before is seen to be closed.
    bool taken = false;
    while (!taken && absl::Now() < deadline) {
      Socket socket(server->address());
      socket.Send(Post(1000, "Expect: 100-continue\r\n"));
      taken = absl::StrContains(socket.ReadUntil("\r\n\r\n"), "100 Continue");
    }
    EXPECT_TRUE(taken);
  }
}

}  // namespace
}  // namespace tarn
