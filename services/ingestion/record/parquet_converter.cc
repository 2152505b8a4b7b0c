#include "services/ingestion/record/parquet_converter.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/lake/durable_file.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/partition_writer.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using catalog::v1::Table;
using duckdb::QuoteIdentifier;

table_schema::Fields WithIngestedAt(table_schema::Fields fields) {
  table_schema::Field* const field = fields.Add();
  field->set_name(std::string(table_schema::kIngestedAtColumn));
  field->set_type(std::string(table_schema::kSystemColumnType));
  return fields;
}

// "SELECT …" of the table's columns, NULL for those that `from` does not have.
absl::StatusOr<std::string> SelectColumns(duckdb::Connection& connection,
                                          const table_schema::Fields& fields,
                                          const std::string& from) {
  TARN_ASSIGN_OR_RETURN(const duckdb::PreparedStatement all,
                        connection.Prepare("SELECT * FROM " + from));
  std::set<std::string> names;
  for (const duckdb::Column& column : all.schema()) names.insert(column.name);
  std::string select;
  for (const table_schema::Field& field : fields) {
    const std::string name = QuoteIdentifier(field.name());
    absl::StrAppend(&select, select.empty() ? "SELECT " : ", ", "CAST(",
                    names.contains(field.name()) ? name : "NULL", " AS ",
                    table_schema::EngineTypeOf(field), ") AS ", name);
  }
  return select;
}

}  // namespace

absl::StatusOr<ParquetConverter> ParquetConverter::Open(const ParquetConverterOptions& options) {
  std::error_code error;
  fs::remove_all(options.work_folder, error);
  fs::create_directories(options.work_folder, error);
  if (error) return lake::FileError(error.value(), "make", options.work_folder);
  // Users' expressions run here: what they may call is on a list, and beyond these folders there is
  // nothing.
  std::vector<std::string> allowed = {options.work_folder.string()};
  if (!options.lake_folder.empty()) allowed.push_back(options.lake_folder.string());
  return ParquetConverter(options.max_partitions,
                          {.threads = options.threads,
                           .memory_limit_bytes = options.memory_limit_bytes,
                           .temp_directory = (options.work_folder / "spill").string(),
                           .allowed_directories = std::move(allowed),
                           .lock_down = !options.lake_folder.empty(),
                           .row_sources = true,
                           // Records are read by several threads; their order is no promise.
                           .settings = {{"preserve_insertion_order", "false"},
                                        {"partitioned_write_max_open_files",
                                         absl::StrCat(PartitionWriter::kMaxOpenFiles)}}});
}

absl::StatusOr<Conversion> ParquetConverter::Convert(const Table& table,
                                                     const UnknownFields& unknown,
                                                     std::span<const ArrivedRecord> records,
                                                     const fs::path& folder,
                                                     const RowTransform* transform) const {
  absl::StatusOr<Conversion> conversion = TryConvert(table, unknown, records, folder, transform);
  if (duckdb::IsEngineFatal(conversion.status())) engine_->Discard();
  return conversion;
}

absl::StatusOr<Conversion> ParquetConverter::TryConvert(const Table& table,
                                                        const UnknownFields& unknown,
                                                        std::span<const ArrivedRecord> records,
                                                        const fs::path& folder,
                                                        const RowTransform* transform) const {
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_->Connect());
  const table_schema::Fields fields = WrittenFields(table.schema().fields());
  const bool partitioned = !table.partition_fields().empty();
  lake::ParquetWriteOptions write{.field_ids = table_schema::FieldIdsSpec(fields),
                                  .order_by = OrderBySql(table)};
  RecordRows rows(transform == nullptr ? fields : WithIngestedAt(transform->input), unknown,
                  records, transform != nullptr || partitioned);
  const duckdb::ScopedRowSource source(rows);
  Conversion conversion;
  conversion.taken = records.size();
  if (transform == nullptr && !partitioned) {
    TARN_ASSIGN_OR_RETURN(
        conversion.files,
        lake::WriteParquet(connection, "SELECT * FROM " + source.sql(), folder, write));
    conversion.misfits = rows.TakeMisfits();
    return conversion;
  }
  TARN_ASSIGN_OR_RETURN(const std::string keys, PartitionKeys(table));
  TARN_RETURN_IF_ERROR(
      connection.Execute(absl::StrCat("CREATE TEMP TABLE __tarn_batch AS SELECT *",
                                      transform == nullptr ? keys : "", " FROM ", source.sql())));
  conversion.misfits = rows.TakeMisfits();
  std::string from = "__tarn_batch";
  if (transform != nullptr) {
    TARN_RETURN_IF_ERROR(transform->run(connection, "__tarn_batch", "__tarn_output"));
    TARN_ASSIGN_OR_RETURN(const std::string select,
                          SelectColumns(connection, fields, "__tarn_output"));
    if (!partitioned) {
      TARN_ASSIGN_OR_RETURN(
          conversion.files,
          lake::WriteParquet(connection, absl::StrCat(select, " FROM __tarn_output"), folder,
                             write));
      return conversion;
    }
    TARN_RETURN_IF_ERROR(connection.Execute(
        absl::StrCat("CREATE TEMP TABLE __tarn_rows AS SELECT *", keys, " FROM (", select, ", ",
                     std::string(kPositionColumn), " FROM __tarn_output)")));
    from = "__tarn_rows";
  }
  PartitionWriter writer(connection, table, fields, from, folder, write);
  TARN_ASSIGN_OR_RETURN(const uint64_t end, writer.Write(max_partitions_, conversion.files));
  while (conversion.taken > 0 && records[conversion.taken - 1].position >= end) --conversion.taken;
  while (!conversion.misfits.empty() && conversion.misfits.back().index >= conversion.taken) {
    conversion.misfits.pop_back();
  }
  return conversion;
}

std::string OrderBySql(const catalog::v1::Table& table) {
  std::string sql;
  for (const catalog::v1::SortField& sort : table.sort_fields()) {
    absl::StrAppend(&sql, sql.empty() ? "" : ", ", duckdb::QuoteIdentifier(sort.source()),
                    sort.descending() ? " DESC" : "");
  }
  return sql;
}

}  // namespace tarn::ingestion
