// Every unary and server-streaming RPC of every module over HTTP, in the Connect protocol: POST
// /<service>/<method> in JSON or binary. By descriptor: a new RPC needs no code here. Calls go to
// the modules over gRPC, dashboard's own included.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <absl/status/status.h>

#include "common/http/http_exchange.h"
#include "services/dashboard/gateway/module_channels.h"

namespace grpc {
class ClientContext;
}
namespace google::protobuf {
class MethodDescriptor;
}

namespace tarn::dashboard {

class GatewayMetrics;

struct ConnectHandlerOptions {
  ModuleChannels channels;
  // The cookie is for https alone.
  bool secure_cookie = false;
  // What X-Forwarded-Host and X-Forwarded-Proto say is believed.
  bool behind_proxy = false;
};

// Thread safe; never blocks but in Stop.
class ConnectHandler {
 public:
  // `metrics` must outlive it.
  ConnectHandler(ConnectHandlerOptions options, GatewayMetrics& metrics)
      : options_(std::move(options)), metrics_(metrics) {}
  ~ConnectHandler() { Stop(); }

  // A POST.
  void Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder);

  // Calls a unary method with a message in binary form, and with the headers of `request`; answers
  // in JSON, errors by `encode`. For what comes in other forms than Connect's.
  using ErrorEncoder = HttpResponse (*)(const absl::Status& status);
  void Forward(HttpRequest request, std::shared_ptr<HttpResponder> responder,
               const std::string& method_path, std::string message, ErrorEncoder encode);

  // Refuses what comes from now on, cancels the calls under way and waits until they are answered.
  void Stop();

 private:
  class Call;
  class UnaryCall;
  class StreamCall;

  // Takes it over.
  void Begin(Call* call, const std::shared_ptr<HttpResponder>& responder, ErrorEncoder encode);
  // The call's number, or 0 when stopping.
  uint64_t Add(Call* call);
  void CancelCall(uint64_t number);
  // From Begin on the call is not touched any more; at End it is gone.
  void BeginRemove(uint64_t number);
  void EndRemove();

  const ConnectHandlerOptions options_;
  GatewayMetrics& metrics_;
  std::mutex mutex_;
  std::condition_variable empty_;
  bool stopping_ = false;
  uint64_t last_number_ = 0;
  std::map<uint64_t, Call*> calls_;
  int ending_ = 0;
};

}  // namespace tarn::dashboard
