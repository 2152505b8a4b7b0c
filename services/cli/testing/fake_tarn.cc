#include "services/cli/testing/fake_tarn.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>

#include "tarn/dashboard/v1/auth_service.pb.h"

#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "services/cli/resource_client.h"

namespace tarn::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kToken[] = "token-of-the-fake";

std::string Text(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok()
             ? std::string(reinterpret_cast<const char*>(slice.begin()), slice.size())
             : "";
}

const google::protobuf::MethodDescriptor* FindMethod(const std::string& path) {
  std::string name = path.substr(1);
  name[name.find('/')] = '.';
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
}

// The first field of messages that have a name: the resource of a request.
const FieldDescriptor* ResourceField(const Descriptor* type) {
  for (int i = 0; i < type->field_count(); ++i) {
    const Descriptor* message = type->field(i)->message_type();
    if (message != nullptr && message->FindFieldByName("name") != nullptr) return type->field(i);
  }
  return nullptr;
}

MessagePtr WithoutEtag(const Message& resource) {
  MessagePtr copy(resource.New());
  copy->CopyFrom(resource);
  SetTextField(*copy, "etag", "");
  return copy;
}

}  // namespace

class FakeTarn::Service : public grpc::CallbackGenericService {
 public:
  explicit Service(FakeTarn& owner) : owner_(owner) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  FakeTarn& owner_;
};

namespace {

// Reads a call to its end, then answers it; or message by message, where the method is so taught.
class CallReactor : public grpc::ServerGenericBidiReactor {
 public:
  CallReactor(FakeTarn& owner, grpc::GenericCallbackServerContext* context)
      : owner_(owner), context_(context) {
    const auto authorization = context->client_metadata().find("authorization");
    if (authorization != context->client_metadata().end()) {
      authorization_.assign(authorization->second.data(), authorization->second.size());
    }
    talks_ = owner.Talks(context->method(), authorization_, &reply_.status);
    if (!reply_.status.ok()) {
      ended_ = true;
      Finish(rpc::ToGrpcStatus(reply_.status));
    } else {
      StartRead(&buffer_);
    }
  }

  void OnReadDone(bool ok) override {
    if (ended_) return;
    if (ok && talks_) {
      reply_ = owner_.AnswerEach(context_->method(), Text(buffer_));
    } else if (ok) {
      requests_.push_back(Text(buffer_));
      return StartRead(&buffer_);
    } else {
      reply_ =
          talks_ ? FakeTarn::Reply() : owner_.Answer(context_->method(), authorization_, requests_);
      talks_ = false;
    }
    written_ = 0;
    WriteNext();
  }

  void OnWriteDone(bool) override { WriteNext(); }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (written_ == reply_.messages.size()) {
      if (talks_ && reply_.status.ok()) return StartRead(&buffer_);
      ended_ = true;
      Finish(rpc::ToGrpcStatus(reply_.status));
      return;
    }
    const grpc::Slice slice(reply_.messages[written_++]);
    buffer_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&buffer_);
  }

  FakeTarn& owner_;
  grpc::GenericCallbackServerContext* const context_;
  grpc::ByteBuffer buffer_;
  std::string authorization_;
  bool talks_ = false;
  bool ended_ = false;
  std::vector<std::string> requests_;
  FakeTarn::Reply reply_;
  size_t written_ = 0;
};

}  // namespace

grpc::ServerGenericBidiReactor* FakeTarn::Service::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new CallReactor(owner_, context);
}

FakeTarn::FakeTarn() : service_(std::make_unique<Service>(*this)) {
  On<dashboard::v1::ExchangeKeyRequest, dashboard::v1::ExchangeKeyResponse>(
      "/tarn.dashboard.v1.AuthService/ExchangeKey",
      [](const auto& requests, auto* responses) -> absl::Status {
        if (requests[0].key() != kKey) return Unauthenticated("KEY_INVALID", "no such key");
        auto& response = responses->emplace_back();
        response.set_token(kToken);
        response.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 300);
        return absl::OkStatus();
      });
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterCallbackGenericService(service_.get());
  builder.SetMaxReceiveMessageSize(16 << 20);
  server_ = builder.BuildAndStart();
}

FakeTarn::~FakeTarn() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeTarn::SetHandler(const std::string& method, Handler handler) {
  std::lock_guard lock(mutex_);
  handlers_[method] = std::move(handler);
}

void FakeTarn::Fail(const std::string& method, const absl::Status& status, int times) {
  std::lock_guard lock(mutex_);
  failures_[method] = {status, times};
}

int FakeTarn::CallsOf(const std::string& method) const {
  std::lock_guard lock(mutex_);
  const auto calls = calls_.find(method);
  return calls == calls_.end() ? 0 : calls->second;
}

std::shared_ptr<const Message> FakeTarn::Find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto resource = resources_.find(name);
  return resource == resources_.end() ? nullptr : resource->second;
}

void FakeTarn::Put(const Message& resource) {
  std::lock_guard lock(mutex_);
  Store(resource);
}

void FakeTarn::Store(const Message& resource) {
  std::shared_ptr<Message> stored(resource.New());
  stored->CopyFrom(resource);
  SetTextField(*stored, "etag", "etag-" + std::to_string(next_etag_++));
  resources_[TextField(resource, "name")] = std::move(stored);
}

absl::Status FakeTarn::Admit(const std::string& method, const std::string& authorization) {
  ++calls_[method];
  auto failure = failures_.find(method);
  if (failure != failures_.end() && failure->second.second-- > 0) return failure->second.first;
  const bool open = method.find("ExchangeKey") != std::string::npos;
  if (!open && authorization != std::string("Bearer ") + kToken) {
    return Unauthenticated("TOKEN_MISSING", "the call carries no token");
  }
  return absl::OkStatus();
}

bool FakeTarn::Talks(const std::string& method, const std::string& authorization,
                     absl::Status* refusal) {
  std::lock_guard lock(mutex_);
  if (talkers_.count(method) == 0) return false;
  *refusal = Admit(method, authorization);
  return true;
}

FakeTarn::Reply FakeTarn::AnswerEach(const std::string& method, const std::string& message) {
  Handler handler;
  {
    std::lock_guard lock(mutex_);
    handler = talkers_[method];
  }
  return handler({message});
}

FakeTarn::Reply FakeTarn::Answer(const std::string& method, const std::string& authorization,
                                 const std::vector<std::string>& messages) {
  Handler handler;
  {
    std::lock_guard lock(mutex_);
    if (absl::Status admitted = Admit(method, authorization); !admitted.ok()) return {admitted};
    if (auto found = handlers_.find(method); found != handlers_.end()) handler = found->second;
  }
  return handler ? handler(messages) : StandardMethod(method, messages);
}

FakeTarn::Reply FakeTarn::StandardMethod(const std::string& path,
                                         const std::vector<std::string>& messages) {
  const auto* method = FindMethod(path);
  if (method == nullptr || messages.size() != 1) {
    return {absl::UnimplementedError("the fake has no " + path)};
  }
  MessagePtr request = NewMessage(method->input_type());
  request->ParseFromString(messages[0]);
  std::lock_guard lock(mutex_);
  auto is = [&](const char* wanted) { return method->name().rfind(wanted, 0) == 0; };
  if (is("List")) {
    MessagePtr response = NewMessage(method->output_type());
    const FieldDescriptor* field = ResourceField(method->output_type());
    for (const auto& [name, resource] : resources_) {
      if (resource->GetDescriptor() != field->message_type()) continue;
      response->GetReflection()->AddMessage(response.get(), field)->CopyFrom(*resource);
    }
    return {absl::OkStatus(), {response->SerializeAsString()}};
  }
  const FieldDescriptor* field = ResourceField(method->input_type());
  const Message* given =
      field == nullptr ? nullptr : &request->GetReflection()->GetMessage(*request, field);
  const std::string name = TextField(given == nullptr ? *request : *given, "name");
  auto stored = resources_.find(name);
  if (is("Create")) {
    if (stored != resources_.end()) return {AlreadyExists("EXISTS", name + " exists")};
    Store(*given);
  } else if (stored == resources_.end()) {
    return {NotFound("NOT_THERE", "there is no " + name)};
  } else if (is("Update")) {
    if (TextField(*given, "etag") != TextField(*stored->second, "etag")) {
      return {Aborted("ETAG_MISMATCH", name + " has changed since")};
    }
    if (!google::protobuf::util::MessageDifferencer::Equals(*WithoutEtag(*given),
                                                            *WithoutEtag(*stored->second))) {
      Store(*given);
    }
  } else if (is("Delete")) {
    resources_.erase(stored);
    return {absl::OkStatus(), {""}};
  } else if (!is("Get")) {
    return {absl::UnimplementedError("the fake has no " + path)};
  }
  return {absl::OkStatus(), {resources_[name]->SerializeAsString()}};
}

}  // namespace tarn::cli
