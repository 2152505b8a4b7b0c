// Errors as Tarn makes them: an absl::Status with a canonical code, a message for people, and a
// machine-readable reason. Reason and metadata travel as google.rpc.ErrorInfo, bad fields as
// google.rpc.BadRequest, both as payloads of the Status, so that they survive the wire (common/rpc
// converts). Nobody ever matches on a message's text.
//
// A message says what was wrong, where, and what to do next: "table smart_hub.usag does not exist;
// did you mean smart_hub.usage?". Pure functions; any thread.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>

namespace tarn {

// The ErrorInfo domain of every reason of Tarn.
inline constexpr std::string_view kErrorDomain = "tarn";

using ErrorMetadata = std::map<std::string, std::string>;

// One bad field of a request, by its path in the proto ("spec.steps[2].sql").
struct FieldViolation {
  std::string field;
  std::string description;
};

// An error with `reason` in UPPER_SNAKE_CASE ("TABLE_NOT_FOUND") and metadata ({"table",
// "smart_hub.usage"}).
absl::Status MakeError(absl::StatusCode code, std::string_view reason, std::string_view message,
                       ErrorMetadata metadata = {});

absl::Status InvalidArgument(std::string_view reason, std::string_view message,
                             ErrorMetadata metadata = {});
absl::Status NotFound(std::string_view reason, std::string_view message,
                      ErrorMetadata metadata = {});
absl::Status AlreadyExists(std::string_view reason, std::string_view message,
                           ErrorMetadata metadata = {});
absl::Status FailedPrecondition(std::string_view reason, std::string_view message,
                                ErrorMetadata metadata = {});
absl::Status PermissionDenied(std::string_view reason, std::string_view message,
                              ErrorMetadata metadata = {});
absl::Status Unauthenticated(std::string_view reason, std::string_view message,
                             ErrorMetadata metadata = {});
absl::Status Aborted(std::string_view reason, std::string_view message,
                     ErrorMetadata metadata = {});
absl::Status ResourceExhausted(std::string_view reason, std::string_view message,
                               ErrorMetadata metadata = {});
absl::Status Unavailable(std::string_view reason, std::string_view message,
                         ErrorMetadata metadata = {});
absl::Status DeadlineExceeded(std::string_view reason, std::string_view message,
                              ErrorMetadata metadata = {});
absl::Status Internal(std::string_view reason, std::string_view message,
                      ErrorMetadata metadata = {});

// INVALID_ARGUMENT with reason INVALID_FIELD; the message lists every violation. Needs at least
// one.
absl::Status InvalidFields(std::vector<FieldViolation> violations);

// The reason of `status`, or "" where it carries none.
std::string ErrorReason(const absl::Status& status);
// The metadata of `status`, empty where it carries none.
ErrorMetadata ErrorMetadataOf(const absl::Status& status);
// The bad fields that `status` carries.
std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status);

// The same error with "context: " before its message; code and payloads are kept. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// Type URLs under which the payloads are stored; common/rpc copies them into google.rpc.Status
// details.
inline constexpr std::string_view kErrorInfoTypeUrl = "type.googleapis.com/google.rpc.ErrorInfo";
inline constexpr std::string_view kBadRequestTypeUrl = "type.googleapis.com/google.rpc.BadRequest";

}  // namespace tarn
