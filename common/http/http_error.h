// An error as it goes over HTTP: the form of the Connect protocol (connectrpc.com/docs/protocol),
// which every HTTP listener of Tarn answers with. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <nlohmann/json_fwd.hpp>

#include "common/http/http_exchange.h"

namespace tarn {

// "not_found".
std::string_view ConnectCode(absl::StatusCode code);
// The HTTP status of a call that failed so.
int HttpStatusOf(absl::StatusCode code);

// {"code": …, "message": …, "details": […]}: the payloads of the status are the details, in base64.
nlohmann::json ErrorObject(const absl::Status& status);
// The same as text; octets that are not UTF-8 are replaced.
std::string ErrorJson(const absl::Status& status);
std::string DumpJson(const nlohmann::json& json);

// The whole answer, with `http_status` or the one of its code.
HttpResponse ErrorResponse(const absl::Status& status);
HttpResponse ErrorResponse(int http_status, const absl::Status& status);

}  // namespace tarn
