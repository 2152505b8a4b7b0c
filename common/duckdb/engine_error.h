// Internal to common/duckdb: the engine's errors as absl::Status. Instances run with
// errors_as_json, so that the kind, the message and the position are read as fields.
#pragma once

#include <duckdb.h>
#include <string_view>

#include <absl/status/status.h>

namespace tarn::duckdb::internal {

// `text` is the engine's error, `fallback` its type where the text holds no JSON.
absl::Status MakeEngineError(std::string_view text, duckdb_error_type fallback);
// Of a failed result. A result that holds no error is INTERNAL ENGINE_FATAL.
absl::Status ErrorOfResult(duckdb_result& result);

}  // namespace tarn::duckdb::internal
