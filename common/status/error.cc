#include "common/status/error.h"

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>

#include "google/rpc/error_details.pb.h"

namespace tarn {
namespace {

// Debian's absl::string_view is a type of its own.
absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

template <typename Message>
bool ReadPayload(const absl::Status& status, std::string_view type_url, Message& message) {
  auto payload = status.GetPayload(View(type_url));
  return payload.has_value() && message.ParseFromString(std::string(*payload));
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string_view reason, std::string_view message,
                       ErrorMetadata metadata) {
  absl::Status status(code, View(message));
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  for (auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  status.SetPayload(View(kErrorInfoTypeUrl), absl::Cord(info.SerializeAsString()));
  return status;
}

#define TARN_DEFINE_ERROR(Name, code)                                                            \
  absl::Status Name(std::string_view reason, std::string_view message, ErrorMetadata metadata) { \
    return MakeError(absl::StatusCode::code, reason, message, std::move(metadata));              \
  }
TARN_DEFINE_ERROR(InvalidArgument, kInvalidArgument)
TARN_DEFINE_ERROR(NotFound, kNotFound)
TARN_DEFINE_ERROR(AlreadyExists, kAlreadyExists)
TARN_DEFINE_ERROR(FailedPrecondition, kFailedPrecondition)
TARN_DEFINE_ERROR(PermissionDenied, kPermissionDenied)
TARN_DEFINE_ERROR(Unauthenticated, kUnauthenticated)
TARN_DEFINE_ERROR(Aborted, kAborted)
TARN_DEFINE_ERROR(ResourceExhausted, kResourceExhausted)
TARN_DEFINE_ERROR(Unavailable, kUnavailable)
TARN_DEFINE_ERROR(DeadlineExceeded, kDeadlineExceeded)
TARN_DEFINE_ERROR(Internal, kInternal)
#undef TARN_DEFINE_ERROR

absl::Status InvalidFields(std::vector<FieldViolation> violations) {
  std::string message;
  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : violations) {
    absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field, ": ",
                    violation.description);
    auto* field = bad_request.add_field_violations();
    field->set_field(violation.field);
    field->set_description(violation.description);
  }
  absl::Status status = InvalidArgument("INVALID_FIELD", message);
  status.SetPayload(View(kBadRequestTypeUrl), absl::Cord(bad_request.SerializeAsString()));
  return status;
}

std::string ErrorReason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return ReadPayload(status, kErrorInfoTypeUrl, info) ? info.reason() : "";
}

ErrorMetadata ErrorMetadataOf(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  if (!ReadPayload(status, kErrorInfoTypeUrl, info)) return {};
  return {info.metadata().begin(), info.metadata().end()};
}

std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  std::vector<FieldViolation> violations;
  if (!ReadPayload(status, kBadRequestTypeUrl, bad_request)) return violations;
  for (const auto& field : bad_request.field_violations()) {
    violations.push_back({field.field(), field.description()});
  }
  return violations;
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(
      status.code(),
      absl::StrCat(View(context), ": ",
                   View(std::string_view(status.message().data(), status.message().size()))));
  status.ForEachPayload([&annotated](absl::string_view type_url, const absl::Cord& payload) {
    annotated.SetPayload(type_url, payload);
  });
  return annotated;
}

}  // namespace tarn
