#include "services/dashboard/gateway/grpc_gateway.h"

#include <atomic>
#include <mutex>

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "services/dashboard/gateway/api_catalog.h"
#include "services/dashboard/gateway/gateway_metrics.h"
#include "services/dashboard/gateway/module_status.h"

namespace tarn::dashboard {
namespace {

using grpc::ByteBuffer;

bool StartsWith(const grpc::string_ref& text, std::string_view prefix) {
  return std::string_view(text.data(), text.size()).starts_with(prefix);
}

// What gRPC itself writes, and must not be there twice.
bool IsReserved(const grpc::string_ref& name) {
  return name.empty() || StartsWith(name, ":") || StartsWith(name, "grpc-") || name == "te" ||
         name == "content-type" || name == "user-agent" || name == "host";
}

template <typename Metadata, typename Add>
void CopyMetadata(const Metadata& metadata, Add add) {
  for (const auto& [name, value] : metadata) {
    if (IsReserved(name)) continue;
    add(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
}

// A call under way: `this` faces the client, Upstream the module. Messages go one at a time each
// way: the next one is read when the last one was written, so that a slow reader slows down the
// writer. Deletes itself when both sides are done.
//
// Ops on Upstream that are not started from its own callbacks need a hold. There is one for the
// writes and one for the reads, each given back when its direction has ended. So Upstream's OnDone,
// which ends the client's side, comes only when nothing is being written to the client either.
class ForwardedCall final : public grpc::ServerGenericBidiReactor {
 public:
  ForwardedCall(grpc::GenericCallbackServerContext* context, std::string module,
                const std::shared_ptr<grpc::Channel>& channel, GatewayMetrics& metrics)
      : server_context_(context),
        module_(std::move(module)),
        method_(context->method()),
        metrics_(metrics),
        stub_(channel),
        upstream_(*this) {
    CopyMetadata(context->client_metadata(), [this](std::string name, std::string value) {
      client_context_.AddMetadata(name, value);
    });
    client_context_.set_deadline(context->deadline());
    stub_.PrepareBidiStreamingCall(&client_context_, method_, {}, &upstream_);
    upstream_.AddMultipleHolds(2);
    // Before the call starts: the in-process transport drops a message that comes together with the
    // status when nobody waits for it, and a unary answer always does.
    upstream_.StartRead(&to_client_);
    upstream_.StartCall();
    StartRead(&to_module_);
  }

  // The client's side.
  void OnReadDone(bool ok) override {
    if (!HoldForWrite()) return;  // the module has ended the call
    if (ok) {
      upstream_.StartWrite(&to_module_);
    } else {
      upstream_.StartWritesDone();
      EndWrites();
    }
    upstream_.RemoveHold();
  }
  void OnSendInitialMetadataDone(bool) override {
    {
      std::lock_guard lock(mutex_);
      metadata_sent_ = true;
      if (!message_waits_) return;
    }
    StartWrite(&to_client_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      upstream_.StartRead(&to_client_);
      return;
    }
    client_context_.TryCancel();
    EndReads();
  }
  void OnCancel() override { client_context_.TryCancel(); }
  void OnDone() override { Release(); }

 private:
  class Upstream final : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
   public:
    explicit Upstream(ForwardedCall& call) : call_(call) {}
    void OnReadInitialMetadataDone(bool ok) override { call_.ModuleSentMetadata(ok); }
    void OnReadDone(bool ok) override { call_.ModuleSentMessage(ok); }
    void OnWriteDone(bool ok) override { call_.ModuleTookMessage(ok); }
    void OnDone(const grpc::Status& status) override { call_.ModuleFinished(status); }

   private:
    ForwardedCall& call_;
  };

  void ModuleSentMetadata(bool ok) {
    if (!ok) return;  // the status is all that comes
    CopyMetadata(client_context_.GetServerInitialMetadata(),
                 [this](std::string name, std::string value) {
                   server_context_->AddInitialMetadata(name, value);
                 });
    StartSendInitialMetadata();
  }
  void ModuleSentMessage(bool ok) {
    if (ok) {
      {
        // The first message may overtake the metadata that came before it.
        std::lock_guard lock(mutex_);
        message_waits_ = !metadata_sent_;
        if (message_waits_) return;
      }
      StartWrite(&to_client_);
      return;
    }
    // The status is here: the client need not half-close for the call to end.
    EndWrites();
    EndReads();
  }
  void ModuleTookMessage(bool ok) {
    // A write that failed means that the status is on its way.
    if (ok) StartRead(&to_module_);
  }
  void ModuleFinished(const grpc::Status& ended) {
    const grpc::Status status = StatusForClient(module_, ended);
    CopyMetadata(client_context_.GetServerTrailingMetadata(),
                 [this](std::string name, std::string value) {
                   server_context_->AddTrailingMetadata(name, value);
                 });
    metrics_.CountForwarded(
        module_, "grpc", rpc::StatusCodeName(static_cast<absl::StatusCode>(status.error_code())));
    Finish(status);
    Release();
  }

  // A hold for one write, or false when writing has ended.
  bool HoldForWrite() {
    std::lock_guard lock(mutex_);
    if (!writing_) return false;
    upstream_.AddHold();
    return true;
  }
  void EndWrites() { End(writing_); }
  void EndReads() { End(reading_); }
  void End(bool& direction) {
    {
      std::lock_guard lock(mutex_);
      if (!direction) return;
      direction = false;
    }
    upstream_.RemoveHold();
  }
  void Release() {
    if (--sides_ == 0) delete this;
  }

  grpc::GenericCallbackServerContext* const server_context_;
  const std::string module_;
  const std::string method_;
  GatewayMetrics& metrics_;
  grpc::ClientContext client_context_;
  grpc::TemplatedGenericStub<ByteBuffer, ByteBuffer> stub_;
  Upstream upstream_;
  ByteBuffer to_module_;
  ByteBuffer to_client_;
  std::atomic<int> sides_{2};

  std::mutex mutex_;
  bool writing_ = true;
  bool reading_ = true;
  bool metadata_sent_ = false;
  bool message_waits_ = false;
};

// A call that goes nowhere.
class RefusedCall final : public grpc::ServerGenericBidiReactor {
 public:
  explicit RefusedCall(const absl::Status& status) { Finish(rpc::ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerGenericBidiReactor* GrpcGateway::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  std::optional<std::string> module = ModuleOfPath(context->method());
  // Dashboard's own methods do not come here, unless they do not exist.
  if (!module.has_value() || *module == "dashboard") {
    return new RefusedCall(MakeError(absl::StatusCode::kUnimplemented, "METHOD_UNKNOWN",
                                     UnknownPathMessage(context->method())));
  }
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = channels_(*module);
  if (!channel.ok()) return new RefusedCall(channel.status());
  return new ForwardedCall(context, *std::move(module), *channel, metrics_);
}

}  // namespace tarn::dashboard
