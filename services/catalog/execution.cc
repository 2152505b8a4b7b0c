#include "services/catalog/execution.h"

#include <nlohmann/json.hpp>

#include "tarn/common/v1/execution.pb.h"

#include "services/catalog/time_proto.h"

namespace tarn::catalog {

using nlohmann::json;

ExecutionFailure FailureOf(const absl::Status& status) {
  return {.code = static_cast<int>(status.code()),
          .reason = ErrorReason(status),
          .message = std::string(status.message()),
          .metadata = ErrorMetadataOf(status)};
}

Execution ReadExecution(const Row& row) {
  Execution execution{.state = static_cast<ExecutionState>(row.Get<int>("state")),
                      .create_time = row.Get<absl::Time>("create_time"),
                      .start_time = row.Get<std::optional<absl::Time>>("start_time"),
                      .end_time = row.Get<std::optional<absl::Time>>("end_time")};
  if (const auto text = row.Get<std::optional<std::string>>("error")) {
    const json error = json::parse(*text);
    execution.failure = ExecutionFailure{.code = error.at("code").get<int>(),
                                         .reason = error.at("reason").get<std::string>(),
                                         .message = error.at("message").get<std::string>(),
                                         .metadata = error.at("metadata").get<ErrorMetadata>()};
  }
  return execution;
}

std::optional<std::string> ErrorToJson(const absl::Status& status) {
  if (status.ok()) return std::nullopt;
  const ExecutionFailure failure = FailureOf(status);
  return json{{"code", failure.code},
              {"reason", failure.reason},
              {"message", failure.message},
              {"metadata", failure.metadata}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

void ToProto(const Execution& execution, common::v1::ExecutionTimes* times) {
  *times->mutable_create_time() = ToTimestamp(execution.create_time);
  if (execution.start_time) *times->mutable_start_time() = ToTimestamp(*execution.start_time);
  if (execution.end_time) *times->mutable_end_time() = ToTimestamp(*execution.end_time);
}

void ToProto(const ExecutionFailure& failure, common::v1::ExecutionError* error) {
  error->set_code(failure.code);
  error->set_reason(failure.reason);
  error->set_message(failure.message);
  error->mutable_metadata()->insert(failure.metadata.begin(), failure.metadata.end());
}

}  // namespace tarn::catalog
