#include "common/http/http_connection.h"

#include <cctype>
#include <chrono>
#include <deque>
#include <optional>

#include <absl/strings/str_cat.h>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <sys/socket.h>

#include "common/http/http_error.h"
#include "common/http/http_stream.h"
#include "common/status/error.h"

namespace tarn {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kReadTimeout = std::chrono::seconds(60);
constexpr auto kIdleTimeout = std::chrono::seconds(75);
constexpr auto kWriteTimeout = std::chrono::seconds(60);
constexpr auto kGoodbyeTimeout = std::chrono::seconds(5);
constexpr size_t kDiscardBytes = 64 * 1024;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

HttpRequest ToRequest(http::request<http::string_body>&& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  std::string target(message.target());
  const size_t query = target.find('?');
  request.path = target.substr(0, query);
  if (query != std::string::npos) request.query = target.substr(query + 1);
  for (const auto& field : message) {
    std::string& value = request.headers[LowerCase(field.name_string())];
    if (!value.empty()) value += ", ";
    value += std::string(field.value());
  }
  request.body = std::move(message.body());
  return request;
}

// Everything runs on the strand of the stream's executor, but for the functions of Exchange, which
// post to it.
class Connection final : public HttpConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(const HttpConnectionOptions& options, std::shared_ptr<void> closed,
             std::unique_ptr<HttpStream> stream)
      : options_(options), closed_(std::move(closed)), stream_(std::move(stream)) {}
  ~Connection() override { ReleaseBody(); }

  void Run() override {
    Post([self = shared_from_this()] { self->Begin(); });
  }

  void Close(bool at_once) override {
    Post([self = shared_from_this(), at_once] {
      self->closing_ = true;
      if (at_once || !self->exchange_active_) self->CloseSocket();
    });
  }

 private:
  // The answer to the request under way. Dropped unanswered, it closes the connection.
  class Exchange final : public HttpResponder {
   public:
    Exchange(std::shared_ptr<Connection> connection, uint64_t number)
        : connection_(std::move(connection)), number_(number) {}
    ~Exchange() override {
      connection_->Post(
          [connection = connection_, number = number_] { connection->ExchangeDropped(number); });
    }
    void Respond(HttpResponse response) override {
      connection_->Post([connection = connection_, r = std::move(response)]() mutable {
        connection->SendResponse(std::move(r));
      });
    }
    void StartStream(HttpResponse head) override {
      connection_->Post([connection = connection_, h = std::move(head)]() mutable {
        connection->SendHead(std::move(h));
      });
    }
    void WritePart(std::string part, std::function<void(bool)> done) override {
      connection_->Post(
          [connection = connection_, p = std::move(part), d = std::move(done)]() mutable {
            connection->Enqueue({std::move(p), std::move(d), false});
          });
    }
    void EndStream() override {
      connection_->Post([connection = connection_] { connection->Enqueue({"", nullptr, true}); });
    }
    void OnClientGone(std::function<void()> gone) override {
      connection_->Post(
          [connection = connection_, number = number_, g = std::move(gone)]() mutable {
            connection->WatchClient(number, std::move(g));
          });
    }

   private:
    const std::shared_ptr<Connection> connection_;
    const uint64_t number_;
  };

  struct Part {
    std::string data;
    std::function<void(bool)> done;
    bool last;
  };

  template <typename F>
  void Post(F f) {
    asio::post(stream_->get_executor(), std::move(f));
  }

  void Begin() {
    stream_->tcp().expires_after(kReadTimeout);
    stream_->Handshake([self = shared_from_this()](error_code error) {
      if (!error) self->ReadRequest(kReadTimeout);
    });
  }

  void CloseSocket() {
    error_code ignored;
    stream_->tcp().socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_->tcp().socket().close(ignored);
  }

  void ReadRequest(std::chrono::seconds timeout) {
    if (closing_) return CloseSocket();
    parser_.emplace();
    parser_->body_limit(options_.max_body_bytes);
    parser_->header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    stream_->tcp().expires_after(timeout);
    http::async_read_header(
        *stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->HeaderRead(error); });
  }

  void HeaderRead(error_code error) {
    if (error) return ReadFailed(error);
    const auto length = parser_->content_length();
    if (length && *length > options_.max_body_bytes) {
      return ReadFailed(http::make_error_code(http::error::body_limit));
    }
    const size_t reserved = length               ? static_cast<size_t>(*length)
                            : parser_->chunked() ? options_.max_body_bytes
                                                 : 0;
    if (!options_.body_budget.Take(reserved)) {
      return Refuse(503,
                    Unavailable("OVERLOADED", "too many large requests are under way; try again"),
                    {{"retry-after", "1"}});
    }
    reserved_bytes_ = reserved;
    stream_->tcp().expires_after(kReadTimeout);
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      asio::async_write(*stream_, asio::buffer(kContinue),
                        [self = shared_from_this()](error_code written, size_t) {
                          if (written) return self->CloseSocket();
                          self->ReadBody();
                        });
      return;
    }
    ReadBody();
  }

  void ReadBody() {
    http::async_read(
        *stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->RequestRead(error); });
  }

  void ReadFailed(error_code error) {
    if (error == http::error::body_limit) {
      return Refuse(
          413, InvalidArgument("REQUEST_TOO_LARGE",
                               absl::StrCat("the body is larger than ", options_.max_body_bytes,
                                            " bytes. Send several requests")));
    }
    if (error == http::error::header_limit) {
      return Refuse(431, InvalidArgument("HEADERS_TOO_LARGE", "the headers are too large"));
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return Refuse(400, InvalidArgument("HTTP_INVALID", "this is not HTTP/1.1"));
    }
    CloseSocket();
  }

  void RequestRead(error_code error) {
    if (error) return ReadFailed(error);
    http::request<http::string_body> message = parser_->release();
    keep_alive_ = message.keep_alive();
    head_only_ = message.method() == http::verb::head;
    stream_->tcp().expires_never();
    exchange_active_ = true;
    answered_ = false;
    ++exchange_number_;
    options_.handler(ToRequest(std::move(message)),
                     std::make_shared<Exchange>(shared_from_this(), exchange_number_));
  }

  void Refuse(int http_status, const absl::Status& status,
              std::vector<std::pair<std::string, std::string>> headers = {}) {
    keep_alive_ = false;
    exchange_active_ = true;
    answered_ = false;
    ++exchange_number_;
    HttpResponse response = ErrorResponse(http_status, status);
    response.headers.insert(response.headers.end(), headers.begin(), headers.end());
    SendResponse(std::move(response));
  }

  void ReleaseBody() { options_.body_budget.GiveBack(std::exchange(reserved_bytes_, 0)); }

  void ExchangeDropped(uint64_t number) {
    if (number == exchange_number_ && exchange_active_ && !answered_) CloseSocket();
  }

  template <typename Message>
  void SetHead(const HttpResponse& response, Message& message) {
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    for (const auto& [name, value] : response.headers) message.insert(name, value);
    message.keep_alive(keep_alive_ && !closing_);
  }

  void SendResponse(HttpResponse response) {
    if (answered_ || !exchange_active_) return;
    answered_ = true;
    auto message = std::make_shared<http::response<http::string_body>>();
    SetHead(response, *message);
    const size_t length = response.body.size();
    if (!head_only_) message->body() = std::move(response.body);
    message->content_length(length);
    stream_->tcp().expires_after(kWriteTimeout);
    auto written = [self = shared_from_this(), message](error_code error, size_t) {
      self->Finished(error);
    };
    if (head_only_) {
      auto serializer = std::make_shared<http::response_serializer<http::string_body>>(*message);
      http::async_write_header(
          *stream_, *serializer,
          [written, serializer](error_code error, size_t bytes) { written(error, bytes); });
    } else {
      http::async_write(*stream_, *message, written);
    }
  }

  void SendHead(HttpResponse head) {
    if (answered_ || !exchange_active_) return;
    answered_ = true;
    auto message = std::make_shared<http::response<http::empty_body>>();
    SetHead(head, *message);
    message->chunked(true);
    auto serializer = std::make_shared<http::response_serializer<http::empty_body>>(*message);
    writing_ = true;
    stream_->tcp().expires_after(kWriteTimeout);
    http::async_write_header(*stream_, *serializer,
                             [self = shared_from_this(), message, serializer](
                                 error_code error, size_t) { self->PartWritten(error, nullptr); });
  }

  void Enqueue(Part part) {
    if (broken_) {
      if (part.done) part.done(false);
      return;
    }
    parts_.push_back(std::move(part));
    if (!writing_) WriteNext();
  }

  void WriteNext() {
    if (parts_.empty()) return;
    auto part = std::make_shared<Part>(std::move(parts_.front()));
    parts_.pop_front();
    writing_ = true;
    stream_->tcp().expires_after(kWriteTimeout);
    if (part->last) {
      asio::async_write(*stream_, http::make_chunk_last(),
                        [self = shared_from_this()](error_code error, size_t) {
                          self->writing_ = false;
                          self->Finished(error);
                        });
      return;
    }
    asio::async_write(*stream_, http::make_chunk(asio::buffer(part->data)),
                      [self = shared_from_this(), part](error_code error, size_t) {
                        self->PartWritten(error, std::move(part->done));
                      });
  }

  void PartWritten(error_code error, std::function<void(bool)> done) {
    writing_ = false;
    stream_->tcp().expires_never();
    if (error) Break();
    if (done) done(!error);
    if (!error) WriteNext();
  }

  // The client has gone: whoever still writes to it is told.
  void Break() {
    broken_ = true;
    std::deque<Part> parts = std::move(parts_);
    parts_.clear();
    for (Part& part : parts) {
      if (part.done) part.done(false);
    }
    ClientGone();
    CloseSocket();
  }

  void Finished(error_code error) {
    ReleaseBody();
    exchange_active_ = false;
    gone_ = nullptr;
    if (error) {
      broken_ = true;
      return CloseSocket();
    }
    if (!keep_alive_ || closing_) return Goodbye();
    ReadRequest(kIdleTimeout);
  }

  void Goodbye() {
    stream_->tcp().expires_after(kGoodbyeTimeout);
    stream_->SendEnd([self = shared_from_this()](error_code error) {
      if (error) return self->CloseSocket();
      self->Discard();
    });
  }

  // Reads what the client still sends: closing before would reset the connection, and the client
  // could lose the answer.
  void Discard() {
    buffer_.consume(buffer_.size());
    stream_->async_read_some(buffer_.prepare(kDiscardBytes),
                             [self = shared_from_this()](error_code error, size_t) {
                               if (error) return self->CloseSocket();
                               self->Discard();
                             });
  }

  // While an answer is made nothing is read; a client that closes shows as readable with nothing
  // to read. One that sends its next request already is no longer watched.
  void WatchClient(uint64_t number, std::function<void()> gone) {
    if (number != exchange_number_ || !exchange_active_) return;
    if (broken_) return gone();
    gone_ = std::move(gone);
    stream_->tcp().socket().async_wait(
        tcp::socket::wait_read, [self = shared_from_this(), number](error_code error) {
          if (number != self->exchange_number_ || !self->exchange_active_) return;
          char byte = 0;
          if (error || recv(self->stream_->tcp().socket().native_handle(), &byte, 1,
                            MSG_PEEK | MSG_DONTWAIT) == 0) {
            self->Break();
          }
        });
  }

  void ClientGone() {
    std::function<void()> gone = std::move(gone_);
    gone_ = nullptr;
    if (gone) gone();
  }

  const HttpConnectionOptions& options_;
  const std::shared_ptr<void> closed_;
  const std::unique_ptr<HttpStream> stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  uint64_t exchange_number_ = 0;
  size_t reserved_bytes_ = 0;  // of the server's body budget, for the request under way
  bool exchange_active_ = false;
  bool answered_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool closing_ = false;
  bool broken_ = false;
  bool writing_ = false;
  std::deque<Part> parts_;
  std::function<void()> gone_;
};

}  // namespace

std::shared_ptr<HttpConnection> MakeHttpConnection(tcp::socket socket,
                                                   boost::asio::ssl::context* tls,
                                                   const HttpConnectionOptions& options,
                                                   std::shared_ptr<void> closed) {
  return std::make_shared<Connection>(
      options, std::move(closed),
      tls == nullptr ? MakePlainStream(std::move(socket)) : MakeTlsStream(std::move(socket), *tls));
}

}  // namespace tarn
