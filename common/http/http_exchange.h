// One HTTP request and the way to answer it, free of the library that serves it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn {

// Names in lower case; a header that comes several times has its values joined by ", ".
using HttpHeaders = std::map<std::string, std::string, std::less<>>;

struct HttpRequest {
  std::string method;
  // Without the query, still percent-encoded.
  std::string path;
  // What follows the question mark, as it came; empty without one.
  std::string query;
  HttpHeaders headers;
  std::string body;

  // The header's value, or "".
  std::string_view Header(std::string_view lower_case_name) const {
    auto it = headers.find(lower_case_name);
    return it == headers.end() ? std::string_view() : std::string_view(it->second);
  }
};

struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// The answer to one request. Functions may be called from any thread, one at a time. Exactly one of
// Respond and StartStream is called; one that is dropped without either closes the connection.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  // The whole answer.
  virtual void Respond(HttpResponse response) = 0;
  // Begins an answer of parts; `head` has no body.
  virtual void StartStream(HttpResponse head) = 0;
  // Sends a part. `done` is called when it has gone out (true), so that the next may be made, or
  // when the client has gone (false).
  virtual void WritePart(std::string part, std::function<void(bool)> done) = 0;
  virtual void EndStream() = 0;
  // Calls `gone` at most once, when the client goes away before it was answered whole. Before the
  // first of the functions above.
  virtual void OnClientGone(std::function<void()> gone) = 0;
};

using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpResponder>)>;

}  // namespace tarn
