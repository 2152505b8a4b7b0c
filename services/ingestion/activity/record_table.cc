#include "services/ingestion/activity/record_table.h"

#include <absl/strings/str_cat.h>

#include "common/duckdb/row_source.h"
#include "common/duckdb/row_writer.h"
#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"

namespace tarn::ingestion {
namespace {

bool IsWholeNumber(const duckdb::LogicalType& type) {
  switch (type.kind) {
    case duckdb::TypeKind::kTinyInt:
    case duckdb::TypeKind::kSmallInt:
    case duckdb::TypeKind::kInteger:
    case duckdb::TypeKind::kBigInt:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::vector<Misfit>> LoadRecords(duckdb::Connection& connection,
                                                const std::string& table,
                                                const table_schema::Fields& fields,
                                                std::span<const ArrivedRecord> records) {
  table_schema::Fields all = fields;
  table_schema::Field& ingested_at = *all.Add();
  ingested_at.set_name(std::string(table_schema::kIngestedAtColumn));
  ingested_at.set_type(std::string(table_schema::kSystemColumnType));
  RecordRows rows(all, UnknownFields{}, records, /*with_position=*/true);
  {
    const duckdb::ScopedRowSource source(rows);
    TARN_RETURN_IF_ERROR(connection.Execute(
        absl::StrCat("CREATE OR REPLACE TEMP TABLE ", table, " AS SELECT * FROM ", source.sql())));
  }
  return rows.TakeMisfits();
}

std::string RowAsJson(const duckdb::Chunk& chunk, uint64_t row, size_t first_column) {
  std::string json = "{";
  for (size_t i = first_column; i < chunk.column_count(); ++i) {
    if (i > first_column) json += ',';
    duckdb::AppendJsonString(chunk.schema()[i].name, json);
    json += ':';
    const duckdb::ColumnView& column = chunk.column(i);
    if (!column.IsNull(row) && IsWholeNumber(column.type())) {
      absl::StrAppend(&json, column.Int64(row));
    } else {
      duckdb::AppendJsonValue(column, row, json);
    }
  }
  json += '}';
  return json;
}

}  // namespace tarn::ingestion
