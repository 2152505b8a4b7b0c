// What a put over HTTP is answered with. Pure functions; any thread.
#pragma once

#include <string>

#include <absl/status/status.h>

#include "common/http/http_exchange.h"
#include "services/ingestion/record_writer.h"

namespace tarn::ingestion {

// PutRecordsResponse in proto JSON, written by hand: there may be thousands of results.
std::string PutResponseJson(const PutOutcome& outcome);

// 413 for what is too large, 415 for a content type or encoding that is not known, 503 where the
// server lacks room or is not ready, else the status of the code (429, 400, 401…). 429 and 503 say
// when to try again (Retry-After).
HttpResponse PutErrorResponse(const absl::Status& status);

}  // namespace tarn::ingestion
