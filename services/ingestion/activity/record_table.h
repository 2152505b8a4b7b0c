// JSON records as a typed temporary table, as pipelines take it, and rows as JSON again: for
// previews and for called functions, where a few records go. Deliveries read theirs faster.
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "common/duckdb/chunk.h"
#include "common/duckdb/database.h"
#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {

struct PositionedRecord {
  int64_t position = 0;
  int64_t ingest_micros = 0;
  // An object that RecordMatcher lets pass. Its bytes outlive the call.
  std::string_view json;
};

// CREATE TEMP TABLE `table` (quoted) with these columns, _position and _ingested_at.
std::string MakeRecordTableSql(const std::string& table, const table_schema::Fields& fields);

absl::Status InsertRecords(duckdb::Connection& connection, const std::string& table,
                           const table_schema::Fields& fields,
                           const std::vector<PositionedRecord>& records);

// The columns from `first_column` on of one row as a JSON object, whole numbers of any size as
// numbers.
std::string RowAsJson(const duckdb::Chunk& chunk, uint64_t row, size_t first_column);

}  // namespace tarn::ingestion
