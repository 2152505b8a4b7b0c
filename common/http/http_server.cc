#include "common/http/http_server.h"

#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "common/http/http_connection.h"
#include "common/logging/logging.h"
#include "common/server/listen_address.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  Impl(const HttpServerOptions& options, HttpHandler handler)
      : options_(options),
        connection_options_{options.max_body_bytes, options.max_header_bytes, body_budget_,
                            std::move(handler)} {}
  ~Impl() { Stop(); }

  absl::Status Start();
  const std::string& address() const { return address_; }

  void Close(bool at_once) {
    asio::post(accept_strand_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      accept_pause_.cancel();
    });
    CloseConnections(at_once);
  }

  void Stop() {
    if (threads_.empty()) return;
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  absl::Status UseTls();
  absl::Status Listen(const server::ListenAddress& address);
  void Accept();
  void AcceptLater();
  void Serve(tcp::socket socket);
  void CloseConnections(bool at_once);

  const HttpServerOptions options_;
  HttpBodyBudget body_budget_{options_.max_total_body_bytes};
  const HttpConnectionOptions connection_options_;
  // Handlers that are destroyed with io_ refer to what stands above it.
  std::mutex mutex_;
  std::map<uint64_t, std::weak_ptr<HttpConnection>> connections_;
  uint64_t next_connection_ = 0;
  std::unique_ptr<asio::ssl::context> tls_;
  asio::io_context io_;
  // Threads stay until Stop: when all connections are closed, responders still post to them.
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::strand<asio::io_context::executor_type> accept_strand_{io_.get_executor()};
  tcp::acceptor acceptor_{accept_strand_};
  asio::steady_timer accept_pause_{accept_strand_};
  std::string address_;
  std::vector<std::thread> threads_;
};

absl::Status HttpServer::Impl::UseTls() {
  if (!options_.tls.enabled()) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(server::TlsMaterial material, server::ReadTlsFiles(options_.tls));
  tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  error_code error;
  tls_->use_certificate_chain(asio::buffer(material.certificate_chain), error);
  if (!error) {
    tls_->use_private_key(asio::buffer(material.private_key), asio::ssl::context::pem, error);
  }
  if (!error) return absl::OkStatus();
  return FailedPrecondition(
      "TLS_KEY_MISMATCH",
      "the certificate of the HTTP listener cannot be used: " + error.message());
}

absl::Status HttpServer::Impl::Listen(const server::ListenAddress& address) {
  error_code error;
  tcp::resolver resolver(io_);
  auto endpoints =
      resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  if (!error) {
    const tcp::endpoint endpoint = *endpoints.begin();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return FailedPrecondition("LISTEN_REFUSED", options_.listen_option + ": cannot listen on " +
                                                    options_.listen + ": " + error.message());
  }
  const std::string& listen = options_.listen;
  address_ =
      listen.substr(0, listen.rfind(':') + 1) + std::to_string(acceptor_.local_endpoint().port());
  return absl::OkStatus();
}

absl::Status HttpServer::Impl::Start() {
  const std::string& option = options_.listen_option;
  TARN_ASSIGN_OR_RETURN(server::ListenAddress address,
                        server::ParseListenAddress(options_.listen, option));
  TARN_RETURN_IF_ERROR(server::CheckListenerSecurity(address, option, options_.tls.enabled(),
                                                     options_.allow_insecure));
  TARN_RETURN_IF_ERROR(server::CheckCanBind(address, option));
  TARN_RETURN_IF_ERROR(UseTls());
  TARN_RETURN_IF_ERROR(Listen(address));
  asio::post(accept_strand_, [this] { Accept(); });
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
  return absl::OkStatus();
}

void HttpServer::Impl::Accept() {
  if (!acceptor_.is_open()) return;
  // A strand for each connection.
  acceptor_.async_accept(asio::make_strand(io_), [this](error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (error) {
      // Out of files, most likely: trying at once would only burn time.
      logging::Warn(options_.module, "a connection could not be accepted",
                    {{"error", error.message()}});
      return AcceptLater();
    }
    Serve(std::move(socket));
    Accept();
  });
}

void HttpServer::Impl::AcceptLater() {
  accept_pause_.expires_after(std::chrono::milliseconds(100));
  accept_pause_.async_wait([this](error_code error) {
    if (!error) Accept();
  });
}

void HttpServer::Impl::Serve(tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  uint64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    if (connections_.size() >= options_.max_connections) return;  // the socket closes
    id = next_connection_++;
    connections_.emplace(id, std::weak_ptr<HttpConnection>());
  }
  // Goes with the connection, and takes it out of the list.
  std::shared_ptr<void> closed(nullptr, [this, id](void*) {
    std::lock_guard lock(mutex_);
    connections_.erase(id);
  });
  std::shared_ptr<HttpConnection> connection =
      MakeHttpConnection(std::move(socket), tls_.get(), connection_options_, std::move(closed));
  {
    std::lock_guard lock(mutex_);
    connections_[id] = connection;
  }
  connection->Run();
}

void HttpServer::Impl::CloseConnections(bool at_once) {
  std::vector<std::shared_ptr<HttpConnection>> open;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, connection] : connections_) {
      if (auto alive = connection.lock()) open.push_back(std::move(alive));
    }
  }
  for (const auto& connection : open) connection->Close(at_once);
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { Stop(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              HttpHandler handler) {
  auto impl = std::make_shared<Impl>(options, std::move(handler));
  TARN_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const std::string& HttpServer::address() const { return impl_->address(); }
void HttpServer::Drain() { impl_->Close(/*at_once=*/false); }
void HttpServer::Close() { impl_->Close(/*at_once=*/true); }
void HttpServer::Stop() { impl_->Stop(); }

}  // namespace tarn
