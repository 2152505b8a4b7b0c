#include "services/ingestion/activity/function_caller.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>

#include "tarn/ingestion/v1/function_service.grpc.pb.h"

#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/rpc/status_conversion.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

absl::Duration TimeoutOf(const v1::CallActivity& call) {
  return absl::Seconds(call.timeout().seconds()) + absl::Nanoseconds(call.timeout().nanos());
}

}  // namespace

bool IsRefusal(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument ||
         status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kOutOfRange ||
         status.code() == absl::StatusCode::kUnimplemented;
}

absl::Status FunctionCaller::CheckAddress(const std::string& address) const {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  const bool is_plain = !host.empty() && colon + 1 < address.size() && address.size() <= 255 &&
                        std::all_of(address.begin() + static_cast<int64_t>(colon) + 1,
                                    address.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_plain) {
    return InvalidArgument("FUNCTION_ADDRESS_NOT_ALLOWED", "must be host:port");
  }
  const bool is_allowed = std::any_of(
      allowed_.begin(), allowed_.end(),
      [&](const std::string& allowed) { return allowed == address || allowed == host + ":*"; });
  if (is_allowed) return absl::OkStatus();
  return InvalidArgument("FUNCTION_ADDRESS_NOT_ALLOWED",
                         absl::StrCat("the operator has not allowed functions at ", address,
                                      "; add it to the option ingestion.function_addresses"));
}

std::shared_ptr<grpc::Channel> FunctionCaller::ChannelTo(const v1::CallActivity& call) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<grpc::Channel>& channel =
      channels_[absl::StrCat(call.tls() ? "tls " : "", call.address())];
  if (channel == nullptr) {
    channel = rpc::CreateChannelTo(
        call.address(), call.tls() ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials());
  }
  return channel;
}

absl::StatusOr<v1::TransformBatchResponse> FunctionCaller::Transform(
    const v1::CallActivity& call, const v1::TransformBatchRequest& request) {
  TARN_RETURN_IF_ERROR(CheckAddress(call.address()));
  const std::unique_ptr<v1::FunctionService::Stub> stub =
      v1::FunctionService::NewStub(ChannelTo(call));
  const rpc::RetryPolicy policy{.max_attempts = call.max_attempts()};
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + TimeoutOf(call)));
    v1::TransformBatchResponse response;
    absl::Status status = rpc::FromGrpcStatus(stub->TransformBatch(&context, request, &response));
    if (status.ok() && response.results_size() != request.rows_size()) {
      status = FailedPrecondition("FUNCTION_REFUSED",
                                  absl::StrCat("the function gave ", response.results_size(),
                                               " results for ", request.rows_size(), " rows"));
    }
    if (status.ok()) return response;
    if (IsRefusal(status)) return status;
    if (attempt >= call.max_attempts()) {
      return Unavailable("FUNCTION_UNAVAILABLE",
                         absl::StrCat("the function at ", call.address(),
                                      " does not answer: ", std::string(status.message())),
                         {{"address", call.address()}});
    }
    clock_.SleepFor(rpc::RetryBackoff(policy, attempt));
  }
}

}  // namespace tarn::ingestion
