#include "services/cli/connection.h"

#include <future>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "tarn/dashboard/v1/auth_service.grpc.pb.h"

#include "common/ids/ids.h"
#include "common/rpc/service_directory.h"
#include "common/secret_file/secret_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

// Tokens live five minutes; one that is older than this is exchanged before it is used.
constexpr absl::Duration kMaxTokenAge = absl::Minutes(4);
constexpr absl::Duration kExpiryMargin = absl::Seconds(30);
constexpr absl::Duration kUnaryTimeout = absl::Seconds(60);

// A unary call of bytes, waited for.
grpc::Status BlockingCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                          grpc::ClientContext& context, const grpc::ByteBuffer& request,
                          grpc::ByteBuffer& response) {
  grpc::GenericStub stub(channel);
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, path, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

bool ParseBuffer(const grpc::ByteBuffer& buffer, google::protobuf::Message* message) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return false;
  return message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

}  // namespace

absl::StatusOr<std::string> ReadKeyFile(const std::string& path) {
  absl::StatusOr<std::string> key = ReadSecretFile(path);
  if (absl::IsNotFound(key.status()) || (key.ok() && key->empty())) {
    return FailedPrecondition("KEY_FILE_UNREADABLE",
                              "the key file " + path +
                                  " does not exist or is empty; --key-file or TARN_KEY_FILE must "
                                  "name a file that holds a key",
                              {{"path", path}});
  }
  return key;
}

Connection::Connection(ConnectionOptions options, std::shared_ptr<grpc::Channel> channel)
    : options_(std::move(options)), channel_(std::move(channel)), request_id_(NewUuid()) {}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(ConnectionOptions options) {
  TARN_ASSIGN_OR_RETURN(auto credentials, rpc::ClientCredentials(options.tls, options.ca_file));
  auto channel = rpc::CreateChannelTo(options.address, credentials);
  return std::unique_ptr<Connection>(new Connection(std::move(options), std::move(channel)));
}

absl::StatusOr<rpc::Credentials> Connection::GetCredentials() {
  return rpc::RetryUnavailable(options_.retry, [this] { return FreshCredentials(); });
}

absl::StatusOr<rpc::Credentials> Connection::FreshCredentials() {
  rpc::Credentials credentials{.token = "", .request_id = request_id_};
  if (options_.key.empty()) return credentials;
  std::lock_guard lock(mutex_);
  const absl::Time now = absl::Now();
  if (token_.empty() || now > exchange_time_ + kMaxTokenAge ||
      now > token_expire_time_ - kExpiryMargin) {
    TARN_RETURN_IF_ERROR(ExchangeKey());
  }
  credentials.token = token_;
  return credentials;
}

// The lock is held: while one thread exchanges the key, the others have no use for the old token.
absl::Status Connection::ExchangeKey() {
  auto stub = dashboard::v1::AuthService::NewStub(channel_);
  dashboard::v1::ExchangeKeyRequest request;
  request.set_key(options_.key);
  TARN_ASSIGN_OR_RETURN(auto response,
                        rpc::Call(*stub, &dashboard::v1::AuthService::Stub::ExchangeKey, request,
                                  {.token = "", .request_id = request_id_}));
  token_ = response.token();
  exchange_time_ = absl::Now();
  token_expire_time_ = response.has_expire_time()
                           ? absl::FromUnixSeconds(response.expire_time().seconds())
                           : absl::InfiniteFuture();
  return absl::OkStatus();
}

absl::Status Connection::CallByDescriptor(const google::protobuf::MethodDescriptor& method,
                                          const google::protobuf::Message& request,
                                          google::protobuf::Message* response) {
  const std::string path = "/" + method.service()->full_name() + "/" + method.name();
  const grpc::Slice slice(request.SerializeAsString());
  const grpc::ByteBuffer request_bytes(&slice, 1);
  return rpc::RetryUnavailable(options_.retry, [&]() -> absl::Status {
    TARN_ASSIGN_OR_RETURN(rpc::Credentials credentials, FreshCredentials());
    grpc::ClientContext context;
    rpc::PrepareContext(context, credentials, kUnaryTimeout);
    grpc::ByteBuffer response_bytes;
    const grpc::Status status =
        BlockingCall(channel_, path, context, request_bytes, response_bytes);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    if (!ParseBuffer(response_bytes, response)) {
      return Internal("RESPONSE_UNREADABLE",
                      "the answer of " + path + " cannot be read; is the server another version?");
    }
    return absl::OkStatus();
  });
}

}  // namespace tarn::cli
