#include "services/ingestion/http/put_response.h"

#include <charconv>

#include "common/http/http_error.h"
#include "common/status/error.h"
#include "services/ingestion/payload/json_text.h"

namespace tarn::ingestion {
namespace {

void AppendNumber(uint64_t number, std::string& out) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

std::string PutResponseJson(const PutOutcome& outcome) {
  std::string json = "{\"results\":[";
  json.reserve(64 + static_cast<size_t>(outcome.total) * 28);
  uint64_t position = outcome.first_position;
  auto refused = outcome.refused.begin();
  for (int i = 0; i < outcome.total; ++i) {
    if (i > 0) json += ',';
    if (refused != outcome.refused.end() && refused->index == i) {
      json += "{\"errorReason\":";
      AppendJsonString(refused->reason, json);
      json += ",\"errorMessage\":";
      AppendJsonString(refused->message, json);
      json += '}';
      ++refused;
    } else {
      json += "{\"position\":\"";
      AppendNumber(position++, json);
      json += "\"}";
    }
  }
  json += ']';
  if (!outcome.refused.empty()) {
    json += ",\"failedCount\":";
    AppendNumber(outcome.refused.size(), json);
  }
  if (outcome.replayed) json += ",\"replayed\":true";
  json += '}';
  return json;
}

HttpResponse PutErrorResponse(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  int http_status = HttpStatusOf(status.code());
  std::string_view retry_after = "1";
  if (reason == "REQUEST_TOO_LARGE") {
    http_status = 413;
  } else if (reason == "CONTENT_TYPE_UNKNOWN" || reason == "ENCODING_UNKNOWN") {
    http_status = 415;
  } else if (reason == "METHOD_NOT_ALLOWED") {
    http_status = 405;
  } else if (reason == "WAL_FULL" || reason == "DISK_FULL") {
    // Room comes with a delivery, or with somebody who makes some.
    http_status = 503;
    retry_after = "10";
  }
  HttpResponse response = ErrorResponse(http_status, status);
  if (http_status == 429 || http_status == 503) {
    response.headers.emplace_back("retry-after", retry_after);
  } else if (http_status == 401) {
    response.headers.emplace_back("www-authenticate", "Bearer");
  } else if (http_status == 405) {
    response.headers.emplace_back("allow", "POST");
  }
  return response;
}

}  // namespace tarn::ingestion
