// The worker's writing outputs: Parquet files of a table, and single export files. Both write only
// where the service said; publishing and committing are the service's.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "common/duckdb/database.h"
#include "services/query/worker/worker_protocol.pb.h"

namespace tarn::query {

// Writes the rows of `sql` as the table's columns into the folder. INVALID_ARGUMENT when a NULL
// comes for a required column.
absl::StatusOr<worker::Done> WriteTable(duckdb::Connection& connection, const std::string& sql,
                                        const worker::TableOutput& output);

// Writes the rows of `sql` into one CSV, JSON-lines or Parquet file.
absl::StatusOr<worker::Done> WriteExport(duckdb::Connection& connection, const std::string& sql,
                                         const worker::FileOutput& output);

}  // namespace tarn::query
