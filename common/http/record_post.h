// A POST of records, /v1/streams/{stream}/records, as every listener of Tarn that takes such reads
// and refuses it. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/http/http_exchange.h"

namespace tarn {

// "streams/{stream}" of such a path; nothing for any other.
std::optional<std::string> StreamOfRecordsPath(std::string_view path);

// The name of the tarn.ingestion.v1.RecordFormat that a Content-Type stands for; without one that
// of "as the stream says". INVALID_ARGUMENT (CONTENT_TYPE_UNKNOWN).
absl::StatusOr<std::string> RecordFormatOf(std::string_view content_type);

// Whether the query says backfill=true; other parameters mean nothing here. INVALID_ARGUMENT
// (INVALID_FIELD) for another value.
absl::StatusOr<bool> BackfillOf(std::string_view query);

// What follows "Bearer " (in any case) in Authorization, or "".
std::string BearerOf(const HttpRequest& request);

// 413 for what is too large, 415 for a content type or encoding that is not known, 503 where the
// server lacks room or is not ready, else the status of the code (429, 400, 401…). 429 and 503 say
// when to try again (Retry-After).
HttpResponse RecordsErrorResponse(const absl::Status& status);

}  // namespace tarn
