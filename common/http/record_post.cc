#include "common/http/record_post.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/http/http_error.h"
#include "common/status/error.h"

namespace tarn {
namespace {

constexpr std::string_view kPrefix = "/v1/streams/";
constexpr std::string_view kSuffix = "/records";

}  // namespace

std::optional<std::string> StreamOfRecordsPath(std::string_view path) {
  if (path.size() <= kPrefix.size() + kSuffix.size() || !path.starts_with(kPrefix) ||
      !path.ends_with(kSuffix)) {
    return std::nullopt;
  }
  path.remove_prefix(kPrefix.size());
  path.remove_suffix(kSuffix.size());
  if (path.find('/') != std::string_view::npos) return std::nullopt;
  return absl::StrCat("streams/", std::string(path));
}

absl::StatusOr<std::string> RecordFormatOf(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  absl::StripAsciiWhitespace(&type);
  absl::AsciiStrToLower(&type);
  if (type.empty()) return "RECORD_FORMAT_UNSPECIFIED";
  if (type == "application/x-ndjson" || type == "application/jsonl" ||
      type == "application/x-jsonlines") {
    return "RECORD_FORMAT_JSON_LINES";
  }
  if (type == "application/json") return "RECORD_FORMAT_JSON_ARRAY";
  if (type == "text/csv") return "RECORD_FORMAT_CSV";
  if (type == "text/plain") return "RECORD_FORMAT_TEXT";
  return InvalidArgument("CONTENT_TYPE_UNKNOWN",
                         "records are taken as application/x-ndjson, application/json, text/csv or "
                         "text/plain; say so in Content-Type");
}

absl::StatusOr<bool> BackfillOf(std::string_view query) {
  constexpr std::string_view kName = "backfill=";
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), parameter.size() + 1));
    if (!parameter.starts_with(kName)) continue;
    const std::string_view value = parameter.substr(kName.size());
    if (value == "true" || value == "false") return value == "true";
    return InvalidFields({{"backfill", "must be true or false"}});
  }
  return false;
}

std::string BearerOf(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = request.Header("authorization");
  if (value.size() <= kScheme.size() ||
      absl::AsciiStrToLower(std::string(value.substr(0, kScheme.size()))) != kScheme) {
    return "";
  }
  return std::string(value.substr(kScheme.size()));
}

HttpResponse RecordsErrorResponse(const absl::Status& status) {
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

}  // namespace tarn
