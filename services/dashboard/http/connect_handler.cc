#include "services/dashboard/http/connect_handler.h"

#include <chrono>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include "common/http/http_error.h"
#include "common/ids/ids.h"
#include "common/proto_json/proto_json.h"
#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/dashboard/gateway/api_catalog.h"
#include "services/dashboard/gateway/gateway_metrics.h"
#include "services/dashboard/gateway/module_status.h"
#include "services/dashboard/http/connect_protocol.h"
#include "services/dashboard/http/session_cookie.h"

namespace tarn::dashboard {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using grpc::ByteBuffer;
using Stub = grpc::TemplatedGenericStub<ByteBuffer, ByteBuffer>;

std::unique_ptr<Message> NewMessage(const Descriptor* descriptor) {
  return std::unique_ptr<Message>(
      MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

ByteBuffer ToBuffer(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return ByteBuffer(&slice, 1);
}

std::string ToString(const ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

absl::Status ParseInto(ConnectCodec codec, const std::string& text, Message* message) {
  if (codec == ConnectCodec::kJson) {
    // An empty body is an empty message.
    return text.empty() ? absl::OkStatus() : proto_json::FromJson(text, message);
  }
  if (message->ParseFromString(text)) return absl::OkStatus();
  return InvalidArgument(
      "MESSAGE_INVALID",
      "the body is no " + message->GetDescriptor()->full_name() + " in protobuf's binary form");
}

absl::StatusOr<std::string> Print(ConnectCodec codec, const Message& message) {
  if (codec == ConnectCodec::kJson) return proto_json::ToJson(message);
  return message.SerializeAsString();
}

// A header's value if it may go on as metadata, or "".
std::string PrintableHeader(const HttpRequest& request, std::string_view name) {
  std::string value(request.Header(name));
  bool printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return printable ? value : "";
}

// Of a stream the status is always 200; the error is in its last frame.
HttpResponse StreamHead(ConnectContentType type) {
  return {200, {{"content-type", std::string(ContentTypeOf(type))}}, ""};
}

}  // namespace

// A request on its way to a module and back. Deletes itself when it is done.
class ConnectHandler::Call {
 public:
  struct Target {
    std::string path;
    std::string module;
    const MethodDescriptor* method;
    ConnectContentType type;
    // The request is a message in binary form, whatever the type.
    bool is_message = false;
    ErrorEncoder encode = ErrorResponse;
  };

  Call(ConnectHandler& handler, HttpRequest http, std::shared_ptr<HttpResponder> responder,
       Target target, const std::shared_ptr<grpc::Channel>& channel)
      : handler_(handler),
        http_(std::move(http)),
        responder_(std::move(responder)),
        target_(std::move(target)),
        stub_(channel) {}
  virtual ~Call() = default;
  virtual void Start() = 0;
  void Cancel() { context_.TryCancel(); }
  void SetNumber(uint64_t number) { number_ = number; }

 protected:
  // The request as the module takes it. Sets deadline and metadata too.
  absl::Status Prepare(std::string body) {
    TARN_ASSIGN_OR_RETURN(absl::Duration timeout, ParseTimeout(http_.Header("connect-timeout-ms")));
    if (timeout < absl::Hours(24 * 365)) {
      context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    }
    request_id_ = PrintableHeader(http_, rpc::kRequestIdMetadata);
    if (request_id_.empty()) request_id_ = NewUuid();
    context_.AddMetadata(rpc::kRequestIdMetadata, request_id_);
    std::string authorization = PrintableHeader(http_, rpc::kAuthorizationMetadata);
    if (!authorization.empty()) context_.AddMetadata(rpc::kAuthorizationMetadata, authorization);
    const bool session = ConcernsSession(target_.path);
    if (target_.is_message || (target_.type.codec == ConnectCodec::kProto && !session)) {
      request_ = ToBuffer(body);
      return absl::OkStatus();
    }
    std::unique_ptr<Message> message = NewMessage(target_.method->input_type());
    TARN_RETURN_IF_ERROR(ParseInto(target_.type.codec, body, message.get()));
    if (session) FillSession(http_, message.get());
    request_ = ToBuffer(message->SerializeAsString());
    return absl::OkStatus();
  }

  // A message of the module as the client asked for it.
  absl::StatusOr<std::string> Convert(const ByteBuffer& buffer, HttpResponse* response) {
    std::string bytes = ToString(buffer);
    const bool session = ConcernsSession(target_.path);
    if (target_.type.codec == ConnectCodec::kProto && !session) return bytes;
    std::unique_ptr<Message> message = NewMessage(target_.method->output_type());
    if (!message->ParseFromString(bytes)) {
      return Internal("MESSAGE_INVALID", target_.module + " sent a message that cannot be read");
    }
    if (session && response != nullptr) {
      if (auto cookie = TakeSessionCookie(message.get(), SecureCookie())) {
        response->headers.emplace_back("set-cookie", *cookie);
      }
    }
    return Print(target_.type.codec, *message);
  }

  bool SecureCookie() const {
    const ConnectHandlerOptions& options = handler_.options_;
    return options.secure_cookie || (options.behind_proxy && ForwardedFromHttps(http_));
  }

  // Counts it, gives the responder back and ends.
  void Finish(const absl::Status& status) {
    handler_.metrics_.CountForwarded(target_.module, "connect", rpc::StatusCodeName(status.code()));
    ConnectHandler& handler = handler_;
    handler.BeginRemove(number_);
    delete this;
    handler.EndRemove();
  }

  ConnectHandler& handler_;
  HttpRequest http_;
  std::shared_ptr<HttpResponder> responder_;
  const Target target_;
  Stub stub_;
  grpc::ClientContext context_;
  ByteBuffer request_;
  std::string request_id_;
  uint64_t number_ = 0;
};

class ConnectHandler::UnaryCall final : public Call {
 public:
  using Call::Call;

  void Start() override {
    if (absl::Status prepared = Prepare(std::move(http_.body)); !prepared.ok()) {
      responder_->Respond(target_.encode(prepared));
      return Finish(prepared);
    }
    stub_.UnaryCall(&context_, target_.path, {}, &request_, &response_,
                    [this](grpc::Status status) { Done(status); });
  }

 private:
  void Done(const grpc::Status& grpc_status) {
    absl::Status status = rpc::FromGrpcStatus(StatusForClient(target_.module, grpc_status));
    HttpResponse response;
    if (status.ok()) {
      response.headers.emplace_back("content-type", std::string(ContentTypeOf(target_.type)));
      response.headers.emplace_back("cache-control", "no-store");
      absl::StatusOr<std::string> body = Convert(response_, &response);
      if (body.ok()) response.body = *std::move(body);
      status = body.status();
    }
    if (!status.ok()) response = target_.encode(status);
    response.headers.emplace_back("x-request-id", request_id_);
    responder_->Respond(std::move(response));
    Finish(status);
  }

  ByteBuffer response_;
};

// The hold is for the reads, which are started when the client has taken the message before.
class ConnectHandler::StreamCall final : public Call,
                                         private grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  using Call::Call;

  void Start() override {
    absl::StatusOr<std::string> body = ParseSingleEnvelope(http_.body);
    absl::Status prepared = body.ok() ? Prepare(*std::move(body)) : body.status();
    if (!prepared.ok()) {
      responder_->StartStream(StreamHead(target_.type));
      return End(prepared);
    }
    stub_.PrepareBidiStreamingCall(&context_, target_.path, {}, this);
    HttpResponse head = StreamHead(target_.type);
    head.headers.emplace_back("x-request-id", request_id_);
    responder_->StartStream(std::move(head));
    AddHold();
    // Before the call starts: the in-process transport drops a message that comes together with
    // the status when nobody waits for it.
    StartRead(&message_);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    absl::StatusOr<std::string> text = Convert(message_, nullptr);
    if (!text.ok()) {
      failure_ = text.status();
      context_.TryCancel();
      return RemoveHold();
    }
    responder_->WritePart(Envelope(*text), [this](bool taken) {
      if (taken) return StartRead(&message_);
      context_.TryCancel();
      RemoveHold();
    });
  }
  void OnDone(const grpc::Status& status) override {
    End(failure_.ok() ? rpc::FromGrpcStatus(StatusForClient(target_.module, status)) : failure_);
  }

 private:
  void End(const absl::Status& status) {
    responder_->WritePart(EndOfStream(status), [](bool) {});
    responder_->EndStream();
    Finish(status);
  }

  ByteBuffer message_;
  absl::Status failure_;
};

uint64_t ConnectHandler::Add(Call* call) {
  std::lock_guard lock(mutex_);
  if (stopping_) return 0;
  calls_.emplace(++last_number_, call);
  call->SetNumber(last_number_);
  return last_number_;
}

void ConnectHandler::CancelCall(uint64_t number) {
  std::lock_guard lock(mutex_);
  if (auto it = calls_.find(number); it != calls_.end()) it->second->Cancel();
}

void ConnectHandler::BeginRemove(uint64_t number) {
  std::lock_guard lock(mutex_);
  calls_.erase(number);
  ++ending_;
}

void ConnectHandler::EndRemove() {
  std::lock_guard lock(mutex_);
  --ending_;
  if (ending_ == 0 && calls_.empty()) empty_.notify_all();
}

void ConnectHandler::Stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (auto& [number, call] : calls_) call->Cancel();
  empty_.wait(lock, [this] { return calls_.empty() && ending_ == 0; });
}

void ConnectHandler::Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder) {
  std::optional<ConnectContentType> type = ParseContentType(request.Header("content-type"));
  if (!type.has_value()) {
    return responder->Respond(
        {415,
         {{"content-type", "text/plain; charset=utf-8"},
          {"accept-post",
           "application/json, application/proto, application/connect+json, "
           "application/connect+proto"}},
         "post application/json or application/proto, or for a stream application/connect+json "
         "or application/connect+proto\n"});
  }
  auto refuse = [&](const absl::Status& status) {
    if (!type->streaming) return responder->Respond(ErrorResponse(status));
    responder->StartStream(StreamHead(*type));
    responder->WritePart(EndOfStream(status), [](bool) {});
    responder->EndStream();
  };
  const MethodDescriptor* method = FindMethod(request.path);
  std::optional<std::string> module = ModuleOfPath(request.path);
  if (method == nullptr || !module.has_value()) {
    return refuse(MakeError(absl::StatusCode::kUnimplemented, "METHOD_UNKNOWN",
                            UnknownPathMessage(request.path)));
  }
  if (method->client_streaming()) {
    return refuse(MakeError(absl::StatusCode::kUnimplemented, "STREAM_NEEDS_GRPC",
                            method->full_name() +
                                " takes a stream, which HTTP/1.1 cannot carry both ways; call it "
                                "over gRPC"));
  }
  if (method->server_streaming() != type->streaming) {
    return refuse(InvalidArgument(
        "CONTENT_TYPE_INVALID",
        method->full_name() + " takes " +
            (method->server_streaming() ? "application/connect+json" : "application/json") +
            " or its binary form"));
  }
  std::string_view encoding =
      request.Header(type->streaming ? "connect-content-encoding" : "content-encoding");
  if (!encoding.empty() && encoding != "identity") {
    return refuse(MakeError(absl::StatusCode::kUnimplemented, "ENCODING_UNKNOWN",
                            "requests must not be compressed"));
  }
  if (ConcernsSession(request.path) && !IsSameOrigin(request, options_.behind_proxy)) {
    return refuse(PermissionDenied("CROSS_ORIGIN",
                                   "sessions are for the page of this very address; other "
                                   "programs exchange a key by ExchangeKey. Behind a reverse proxy "
                                   "an operator sets dashboard.behind_proxy"));
  }
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = options_.channels(*module);
  if (!channel.ok()) return refuse(channel.status());
  Call::Target target{request.path, *module, method, *type};
  std::shared_ptr<HttpResponder> answer = responder;
  Call* call = nullptr;
  if (type->streaming) {
    call = new StreamCall(*this, std::move(request), std::move(responder), std::move(target),
                          *channel);
  } else {
    call =
        new UnaryCall(*this, std::move(request), std::move(responder), std::move(target), *channel);
  }
  Begin(call, answer, ErrorResponse);
}

void ConnectHandler::Forward(HttpRequest request, std::shared_ptr<HttpResponder> responder,
                             const std::string& method_path, std::string message,
                             ErrorEncoder encode) {
  const MethodDescriptor* method = FindMethod(method_path);
  const std::optional<std::string> module = ModuleOfPath(method_path);
  if (method == nullptr || !module.has_value()) {
    return responder->Respond(encode(Internal("METHOD_UNKNOWN", UnknownPathMessage(method_path))));
  }
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = options_.channels(*module);
  if (!channel.ok()) return responder->Respond(encode(channel.status()));
  Call::Target target{.path = method_path,
                      .module = *module,
                      .method = method,
                      .type = {.codec = ConnectCodec::kJson, .streaming = false},
                      .is_message = true,
                      .encode = encode};
  request.body = std::move(message);
  std::shared_ptr<HttpResponder> answer = responder;
  Begin(new UnaryCall(*this, std::move(request), std::move(responder), std::move(target), *channel),
        answer, encode);
}

void ConnectHandler::Begin(Call* call, const std::shared_ptr<HttpResponder>& responder,
                           ErrorEncoder encode) {
  const uint64_t number = Add(call);
  if (number == 0) {
    delete call;
    return responder->Respond(
        encode(Unavailable("MODULE_NOT_SERVING", "dashboard is stopping; try again")));
  }
  responder->OnClientGone([this, number] { CancelCall(number); });
  call->Start();
}

}  // namespace tarn::dashboard
