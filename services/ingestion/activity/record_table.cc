#include "services/ingestion/activity/record_table.h"

#include <absl/strings/str_cat.h>

#include "common/duckdb/row_writer.h"
#include "common/duckdb/sql_text.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

constexpr size_t kBatchBytes = 4u << 20;

std::string InsertSql(const std::string& table, const table_schema::Fields& fields) {
  std::string structure = R"([{"p":"BIGINT","t":"BIGINT","r":{)";
  std::string select;
  for (const table_schema::Field& field : fields) {
    if (!select.empty()) structure += ',';
    duckdb::AppendJsonString(field.name(), structure);
    structure += ':';
    duckdb::AppendJsonString(table_schema::EngineTypeOf(field), structure);
    absl::StrAppend(&select, "struct_extract(struct_extract(rec, 'r'), ",
                    duckdb::QuoteLiteral(field.name()), "), ");
  }
  structure += "}}]";
  return absl::StrCat("INSERT INTO ", table, " SELECT ", select,
                      "struct_extract(rec, 'p'), make_timestamptz(struct_extract(rec, 't')) FROM "
                      "(SELECT unnest(from_json($1::VARCHAR, ",
                      duckdb::QuoteLiteral(structure), ")) AS rec)");
}

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

std::string MakeRecordTableSql(const std::string& table, const table_schema::Fields& fields) {
  std::string columns;
  for (const table_schema::Field& field : fields) {
    absl::StrAppend(&columns, duckdb::QuoteIdentifier(field.name()), " ",
                    table_schema::EngineTypeOf(field), ", ");
  }
  return absl::StrCat("CREATE OR REPLACE TEMP TABLE ", table, " (", columns,
                      "\"_position\" BIGINT, \"_ingested_at\" TIMESTAMP WITH TIME ZONE)");
}

absl::Status InsertRecords(duckdb::Connection& connection, const std::string& table,
                           const table_schema::Fields& fields,
                           const std::vector<PositionedRecord>& records) {
  if (records.empty()) return absl::OkStatus();
  TARN_ASSIGN_OR_RETURN(duckdb::PreparedStatement insert,
                        connection.Prepare(InsertSql(table, fields)));
  std::string batch;
  for (size_t i = 0; i < records.size(); ++i) {
    absl::StrAppend(&batch, batch.empty() ? "[" : ",", "{\"p\":", records[i].position,
                    ",\"t\":", records[i].ingest_micros, ",\"r\":");
    batch.append(records[i].json);
    batch += '}';
    if (batch.size() < kBatchBytes && i + 1 < records.size()) continue;
    batch += ']';
    TARN_RETURN_IF_ERROR(insert.Bind(1, duckdb::Value(std::move(batch))));
    TARN_RETURN_IF_ERROR(insert.Execute().status());
    batch.clear();
  }
  return absl::OkStatus();
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
