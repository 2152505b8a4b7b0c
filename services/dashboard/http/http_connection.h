// One connection of an HttpServer: reads a request, hands it on, writes the answer, and again.
// Internal to http/: includes Boost.Beast.
#pragma once

#include <functional>
#include <memory>
#include <utility>  // before Beast of Boost 1.81, which lacks it

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "services/dashboard/http/http_exchange.h"

namespace tarn::dashboard {

struct HttpConnectionOptions {
  size_t max_body_bytes;
  size_t max_header_bytes;
  HttpHandler handler;
};

// Seen by the server. Lives by shared pointers: while it reads, waits for an answer or writes.
class HttpConnection {
 public:
  virtual ~HttpConnection() = default;
  virtual void Run() = 0;
  // Closes it; at once, or as soon as it is between two requests. Any thread.
  virtual void Close(bool at_once) = 0;
};

// `tls` is null for plain text. `options` must outlive the connection; `closed` is kept as long as
// the connection lives.
std::shared_ptr<HttpConnection> MakeHttpConnection(boost::asio::ip::tcp::socket socket,
                                                   boost::asio::ssl::context* tls,
                                                   const HttpConnectionOptions& options,
                                                   std::shared_ptr<void> closed);

}  // namespace tarn::dashboard
