// Calls the functions of call activities: programs that offer FunctionService. They get no
// credential of Tarn's, and only addresses that the operator has allowed are called.
//
// Thread safe; blocking.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/channel.h>

#include "tarn/ingestion/v1/activity.pb.h"
#include "tarn/ingestion/v1/function_service.pb.h"

#include "common/clock/clock.h"

namespace tarn::ingestion {

class FunctionCaller {
 public:
  // `allowed` holds addresses: "host:port", or "host:*" for every port of a host.
  FunctionCaller(std::vector<std::string> allowed, Clock& clock)
      : allowed_(std::move(allowed)), clock_(clock) {}

  // INVALID_ARGUMENT FUNCTION_ADDRESS_NOT_ALLOWED says what there is to do.
  absl::Status CheckAddress(const std::string& address) const;

  // The results, one for each row. INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE and
  // UNIMPLEMENTED are the function's refusal of all rows; everything else is worth trying again and
  // is UNAVAILABLE FUNCTION_UNAVAILABLE after call.max_attempts.
  absl::StatusOr<v1::TransformBatchResponse> Transform(const v1::CallActivity& call,
                                                       const v1::TransformBatchRequest& request);

 private:
  std::shared_ptr<grpc::Channel> ChannelTo(const v1::CallActivity& call);

  const std::vector<std::string> allowed_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

// Whether the status is a function's refusal of all rows of a call.
bool IsRefusal(const absl::Status& status);

}  // namespace tarn::ingestion
