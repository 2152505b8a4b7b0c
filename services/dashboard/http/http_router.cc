#include "services/dashboard/http/http_router.h"

#include <optional>
#include <string>

#include "common/http/record_post.h"
#include "services/dashboard/gateway/gateway_metrics.h"
#include "services/dashboard/http/connect_handler.h"
#include "services/dashboard/http/records_forwarder.h"
#include "services/dashboard/http/web_files.h"

namespace tarn::dashboard {
namespace {

HttpResponse Text(int status, std::string text) {
  return {status,
          {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-store"}},
          std::move(text) + "\n"};
}

}  // namespace

HttpResponse HttpRouter::Get(const HttpRequest& request) {
  if (request.path == "/healthz") return Text(200, "ok");
  if (request.path == "/readyz") {
    absl::Status ready = ready_();
    return ready.ok() ? Text(200, "ready") : Text(503, std::string(ready.message()));
  }
  return files_.Serve(request);
}

void HttpRouter::Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder) {
  if (request.method == "POST") {
    if (const std::optional<std::string> stream = StreamOfRecordsPath(request.path)) {
      return records_.Handle(*stream, std::move(request), std::move(responder));
    }
    return connect_.Handle(std::move(request), std::move(responder));
  }
  HttpResponse response;
  if (request.method == "GET" || request.method == "HEAD") {
    response = Get(request);
  } else {
    response = Text(405, "GET, HEAD and POST are what this server answers");
    response.headers.emplace_back("allow", "GET, HEAD, POST");
  }
  metrics_.CountHttp(std::to_string(response.status));
  responder->Respond(std::move(response));
}

}  // namespace tarn::dashboard
