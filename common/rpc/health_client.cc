#include "common/rpc/health_client.h"

#include <future>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/rpc/client.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"

namespace tarn::rpc {
namespace {

// Health messages are one field each (request: 1 = service name; response: 1 = status, where 1 is
// SERVING), so their bytes are read here and no stub is generated for them.
bool IsServing(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return false;
  google::protobuf::io::CodedInputStream input(slice.begin(), static_cast<int>(slice.size()));
  constexpr uint32_t kStatusTag = 1 << 3;
  uint32_t status = 0;
  return input.ReadTag() == kStatusTag && input.ReadVarint32(&status) && status == 1;
}

}  // namespace

absl::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  PrepareContext(context, {}, timeout);
  grpc::Slice empty;
  grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  grpc::Status status = done.get_future().get();
  if (!status.ok()) return FromGrpcStatus(status);
  if (!IsServing(response)) {
    return Unavailable("MODULE_NOT_SERVING", "the server is up, but not ready to serve");
  }
  return absl::OkStatus();
}

}  // namespace tarn::rpc
