#include "common/http/http_error.h"

#include <absl/strings/cord.h>
#include <absl/strings/escaping.h>
#include <nlohmann/json.hpp>

namespace tarn {
namespace {

struct CodeForm {
  std::string_view name;
  int http_status;
};

CodeForm FormOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
      return {"canceled", 499};
    case absl::StatusCode::kInvalidArgument:
      return {"invalid_argument", 400};
    case absl::StatusCode::kDeadlineExceeded:
      return {"deadline_exceeded", 504};
    case absl::StatusCode::kNotFound:
      return {"not_found", 404};
    case absl::StatusCode::kAlreadyExists:
      return {"already_exists", 409};
    case absl::StatusCode::kPermissionDenied:
      return {"permission_denied", 403};
    case absl::StatusCode::kResourceExhausted:
      return {"resource_exhausted", 429};
    case absl::StatusCode::kFailedPrecondition:
      return {"failed_precondition", 400};
    case absl::StatusCode::kAborted:
      return {"aborted", 409};
    case absl::StatusCode::kOutOfRange:
      return {"out_of_range", 400};
    case absl::StatusCode::kUnimplemented:
      return {"unimplemented", 501};
    case absl::StatusCode::kInternal:
      return {"internal", 500};
    case absl::StatusCode::kUnavailable:
      return {"unavailable", 503};
    case absl::StatusCode::kDataLoss:
      return {"data_loss", 500};
    case absl::StatusCode::kUnauthenticated:
      return {"unauthenticated", 401};
    default:
      return {"unknown", 500};
  }
}

}  // namespace

std::string_view ConnectCode(absl::StatusCode code) { return FormOf(code).name; }
int HttpStatusOf(absl::StatusCode code) { return FormOf(code).http_status; }

nlohmann::json ErrorObject(const absl::Status& status) {
  nlohmann::json error = {{"code", ConnectCode(status.code())}};
  if (!status.message().empty()) error["message"] = std::string(status.message());
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    std::string type(type_url.substr(type_url.rfind('/') + 1));
    std::string value = absl::Base64Escape(std::string(payload));
    value.erase(value.find_last_not_of('=') + 1);
    error["details"].push_back({{"type", type}, {"value", value}});
  });
  return error;
}

// A message may hold octets that are not UTF-8; they must not cost the whole answer.
std::string DumpJson(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ErrorJson(const absl::Status& status) { return DumpJson(ErrorObject(status)); }

HttpResponse ErrorResponse(const absl::Status& status) {
  return ErrorResponse(HttpStatusOf(status.code()), status);
}

HttpResponse ErrorResponse(int http_status, const absl::Status& status) {
  return {http_status, {{"content-type", "application/json"}}, ErrorJson(status)};
}

}  // namespace tarn
