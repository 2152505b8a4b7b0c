// JSON records as a typed temporary table, as pipelines take it, and rows as JSON again: for
// previews and for called functions.
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/chunk.h"
#include "common/duckdb/database.h"
#include "common/table_schema/engine_types.h"
#include "services/ingestion/record/record_rows.h"

namespace tarn::ingestion {

// Makes the temporary table `table` (quoted) of the records that fit, with these columns,
// __tarn_position and _ingested_at; gives those that do not. The engine must have row sources.
absl::StatusOr<std::vector<Misfit>> LoadRecords(duckdb::Connection& connection,
                                                const std::string& table,
                                                const table_schema::Fields& fields,
                                                std::span<const ArrivedRecord> records);

// The columns from `first_column` on of one row as a JSON object, whole numbers of any size as
// numbers.
std::string RowAsJson(const duckdb::Chunk& chunk, uint64_t row, size_t first_column);

}  // namespace tarn::ingestion
