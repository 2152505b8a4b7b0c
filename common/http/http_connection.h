// One connection of an HttpServer: reads a request, hands it on, writes the answer, and again.
// Internal to http/: includes Boost.Beast.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>  // before Beast of Boost 1.81, which lacks it

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "common/http/http_exchange.h"

namespace tarn {

// Bytes that the bodies of all requests under way may have together. Thread safe.
class HttpBodyBudget {
 public:
  explicit HttpBodyBudget(size_t bytes) : left_(static_cast<int64_t>(bytes)) {}
  bool Take(size_t bytes) {
    if (left_.fetch_sub(static_cast<int64_t>(bytes)) >= static_cast<int64_t>(bytes)) return true;
    GiveBack(bytes);
    return false;
  }
  void GiveBack(size_t bytes) { left_.fetch_add(static_cast<int64_t>(bytes)); }

 private:
  std::atomic<int64_t> left_;
};

struct HttpConnectionOptions {
  size_t max_body_bytes;
  size_t max_header_bytes;
  HttpBodyBudget& body_budget;
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

}  // namespace tarn
