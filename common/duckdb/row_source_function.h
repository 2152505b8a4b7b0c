// Internal to common/duckdb: the table function through which the engine reads row sources.
#pragma once

#include <duckdb.h>

#include <absl/status/status.h>

namespace tarn::duckdb::internal {

// Registers it with the instance of this connection.
absl::Status RegisterRowSourceFunction(duckdb_connection connection);

}  // namespace tarn::duckdb::internal
