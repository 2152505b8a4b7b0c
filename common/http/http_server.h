// An HTTP/1.1 server: connections, limits and time-outs, TLS when there are certificates. What is
// answered is the handler's matter.
#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "common/http/http_exchange.h"
#include "common/server/tls.h"

namespace tarn {

struct HttpServerOptions {
  // Whose it is ("dashboard"), for the log.
  std::string module;
  // "host:port"; port 0 takes a free one.
  std::string listen;
  // The option that it came from, for messages.
  std::string listen_option;
  server::TlsFiles tls;
  bool allow_insecure = false;
  int threads = 2;
  size_t max_connections = 1000;
  size_t max_body_bytes = 16 * 1024 * 1024;
  // Of all requests under way together; one that does not fit is answered with 503.
  size_t max_total_body_bytes = 256 * 1024 * 1024;
  size_t max_header_bytes = 64 * 1024;
};

// Thread safe.
class HttpServer {
 public:
  // Listens, and calls `handler` on the server's threads, which it must not block. Errors: those of
  // common/server/listen_address.h and tls.h.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           HttpHandler handler);
  // Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "127.0.0.1:8080" with the port that was taken.
  const std::string& address() const;
  // Takes no new connections and closes those that wait for a request. Returns at once.
  void Drain();
  // Closes all connections; requests under way learn that their client is gone. Returns at once.
  void Close();
  // When it returns no thread of the server runs any more. No responder may be in use by then:
  // Close, wait for the requests under way, Stop.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;
};

}  // namespace tarn
