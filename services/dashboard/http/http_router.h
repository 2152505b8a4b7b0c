// What is where over HTTP: POST is the Connect protocol, but for records of streams
// (records_forwarder.h); GET the page, /healthz (the process is alive) and /readyz (it can do its
// work).
#pragma once

#include <functional>
#include <memory>

#include <absl/status/status.h>

#include "common/http/http_exchange.h"

namespace tarn::dashboard {

class ConnectHandler;
class GatewayMetrics;
class RecordsForwarder;
class WebFiles;

// Thread safe. All that is referred to must outlive it.
class HttpRouter {
 public:
  // `ready` must not block.
  HttpRouter(ConnectHandler& connect, RecordsForwarder& records, WebFiles& files,
             GatewayMetrics& metrics, std::function<absl::Status()> ready)
      : connect_(connect),
        records_(records),
        files_(files),
        metrics_(metrics),
        ready_(std::move(ready)) {}

  void Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder);

 private:
  HttpResponse Get(const HttpRequest& request);

  ConnectHandler& connect_;
  RecordsForwarder& records_;
  WebFiles& files_;
  GatewayMetrics& metrics_;
  const std::function<absl::Status()> ready_;
};

}  // namespace tarn::dashboard
