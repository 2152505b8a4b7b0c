#include "services/ingestion/record/parquet_converter.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/lake/durable_file.h"
#include "common/lake/hive_partition.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "common/table_schema/system_columns.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using catalog::v1::PartitionField;
using catalog::v1::Table;
using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;

const table_schema::Field* FindColumn(const Table& table, const std::string& name) {
  for (const table_schema::Field& field : table.schema().fields()) {
    if (absl::EqualsIgnoreCase(field.name(), name)) return &field;
  }
  return nullptr;
}

// A partition's value as text, as SQL over the column; nothing for a transform that is not known.
std::optional<std::string> PartitionExpression(const PartitionField& partition,
                                               const table_schema::Field& column) {
  const std::string name = QuoteIdentifier(column.name());
  const std::string& transform = partition.transform();
  if (transform.empty() || transform == "identity")
    return absl::StrCat("CAST(", name, " AS VARCHAR)");
  const bool has_date = column.type() == "date" || absl::StartsWith(column.type(), "timestamp");
  if (has_date) {
    if (transform == "year") return absl::StrCat("strftime(", name, ", '%Y')");
    if (transform == "month") return absl::StrCat("strftime(", name, ", '%Y-%m')");
    if (transform == "day") return absl::StrCat("strftime(", name, ", '%Y-%m-%d')");
    if (transform == "hour" && column.type() != "date") {
      return absl::StrCat("strftime(", name, ", '%Y-%m-%d-%H')");
    }
  }
  int width = 0;
  if (absl::StartsWith(transform, "truncate[") && absl::EndsWith(transform, "]") &&
      absl::SimpleAtoi(transform.substr(9, transform.size() - 10), &width) && width > 0) {
    if (column.type() == "string") return absl::StrCat("left(", name, ", ", width, ")");
    if (column.type() == "int" || column.type() == "long") {
      return absl::StrCat("CAST(", name, " - (((", name, " % ", width, ") + ", width, ") % ", width,
                          ") AS VARCHAR)");
    }
  }
  return std::nullopt;
}

std::string PartitionName(const PartitionField& partition) {
  if (!partition.name().empty()) return partition.name();
  if (partition.transform().empty() || partition.transform() == "identity") {
    return partition.source();
  }
  return absl::StrCat(partition.source(), "_",
                      partition.transform().substr(0, partition.transform().find('[')));
}

// The expressions of all partition fields; they were checked by CheckPartitionFields.
absl::StatusOr<std::vector<std::string>> PartitionExpressions(const Table& table) {
  std::vector<std::string> expressions;
  for (int i = 0; i < table.partition_fields_size(); ++i) {
    const PartitionField& partition = table.partition_fields(i);
    const table_schema::Field* column = FindColumn(table, partition.source());
    std::optional<std::string> sql;
    if (column != nullptr) sql = PartitionExpression(partition, *column);
    if (!sql) {
      return InvalidFields(
          {{absl::StrCat("partition_fields[", i, "]"),
            column == nullptr
                ? absl::StrCat("the table has no column \"", partition.source(), "\"")
                : absl::StrCat("a stream cannot divide a column of type ", column->type(), " by \"",
                               partition.transform(),
                               "\"; it knows identity, truncate[w], and year, month, day and hour "
                               "of dates and timestamps")}});
    }
    expressions.push_back(*std::move(sql));
  }
  return expressions;
}

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

// Writes the rows of the temporary table `from`, each partition's into files of its own, up to the
// position (which is returned) at which one partition more than `max_partitions` begins. The
// partitions' values are expressions, which are not to stand in the files.
absl::StatusOr<uint64_t> WritePartitions(duckdb::Connection& connection, const Table& table,
                                         const table_schema::Fields& fields,
                                         const std::string& from,
                                         const std::vector<std::string>& expressions,
                                         int max_partitions, const fs::path& folder,
                                         const lake::ParquetWriteOptions& write,
                                         std::vector<lake::WrittenFile>& all) {
  const std::string position(kPositionColumn);
  std::string keys;
  std::string columns;
  for (const std::string& expression : expressions) {
    absl::StrAppend(&keys, keys.empty() ? "" : ", ", expression);
  }
  for (const table_schema::Field& field : fields) {
    absl::StrAppend(&columns, columns.empty() ? "" : ", ", QuoteIdentifier(field.name()));
  }
  // The partitions in the order in which they appear, one more than are written.
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult values,
      connection.Query(absl::StrCat("SELECT min(", position, "), ", keys, " FROM ", from,
                                    " GROUP BY ALL ORDER BY 1 LIMIT ", max_partitions + 1)));
  const uint64_t parts =
      std::min<uint64_t>(values.row_count(), static_cast<uint64_t>(max_partitions));
  uint64_t end = std::numeric_limits<int64_t>::max();
  if (values.row_count() > parts) {
    end = static_cast<uint64_t>(*values.At(parts, 0).As<int64_t>());
  }
  for (uint64_t row = 0; row < parts; ++row) {
    std::vector<lake::PartitionValue> partition;
    std::string where = absl::StrCat(position, " < ", end);
    for (size_t i = 0; i < expressions.size(); ++i) {
      lake::PartitionValue value{PartitionName(table.partition_fields(static_cast<int>(i))), {}};
      const duckdb::Value cell = values.At(row, i + 1);
      if (const auto* text = cell.As<std::string>()) value.value = *text;
      absl::StrAppend(&where, " AND ", expressions[i], " IS NOT DISTINCT FROM ",
                      value.value ? QuoteLiteral(*value.value) : "NULL");
      partition.push_back(std::move(value));
    }
    TARN_ASSIGN_OR_RETURN(
        std::vector<lake::WrittenFile> files,
        lake::WriteParquet(connection,
                           absl::StrCat("SELECT ", columns, " FROM ", from, " WHERE ", where),
                           folder / absl::StrCat("part", row), write));
    for (lake::WrittenFile& file : files) {
      file.relative_path = absl::StrCat(lake::PartitionPath(partition), "/", file.relative_path);
      file.partition = partition;
      all.push_back(std::move(file));
    }
  }
  return end;
}

}  // namespace

absl::Status CheckPartitionFields(const Table& table) {
  return PartitionExpressions(table).status();
}

absl::StatusOr<ParquetConverter> ParquetConverter::Open(const ParquetConverterOptions& options) {
  std::error_code error;
  fs::remove_all(options.work_folder, error);
  fs::create_directories(options.work_folder, error);
  if (error) return lake::FileError(error.value(), "make", options.work_folder);
  // Users' expressions run here: what they may call is on a list, and beyond these folders there is
  // nothing.
  std::vector<std::string> allowed = {options.work_folder.string()};
  if (!options.lake_folder.empty()) allowed.push_back(options.lake_folder.string());
  TARN_ASSIGN_OR_RETURN(
      duckdb::Database database,
      duckdb::Database::Open({.threads = options.threads,
                              .memory_limit_bytes = options.memory_limit_bytes,
                              .temp_directory = (options.work_folder / "spill").string(),
                              .allowed_directories = std::move(allowed),
                              .lock_down = !options.lake_folder.empty(),
                              .row_sources = true,
                              // Records are read by several threads; their order is no promise.
                              .settings = {{"preserve_insertion_order", "false"}}}));
  return ParquetConverter(options.max_partitions, std::move(database));
}

absl::StatusOr<Conversion> ParquetConverter::Convert(const Table& table,
                                                     RecordMatcher::UnknownNull unknown_null,
                                                     std::span<const ArrivedRecord> records,
                                                     const fs::path& folder,
                                                     const RowTransform* transform) const {
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, database_.Connect());
  const table_schema::Fields fields = WrittenFields(table.schema().fields());
  const bool partitioned = !table.partition_fields().empty();
  lake::ParquetWriteOptions write{.field_ids = table_schema::FieldIdsSpec(fields)};
  for (const catalog::v1::SortField& sort : table.sort_fields()) {
    absl::StrAppend(&write.order_by, write.order_by.empty() ? "" : ", ",
                    QuoteIdentifier(sort.source()), sort.descending() ? " DESC" : "");
  }
  RecordRows rows(transform == nullptr ? fields : WithIngestedAt(transform->input), unknown_null,
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
  TARN_RETURN_IF_ERROR(connection.Execute(
      absl::StrCat("CREATE TEMP TABLE __tarn_batch AS SELECT * FROM ", source.sql())));
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
    TARN_RETURN_IF_ERROR(
        connection.Execute(absl::StrCat("CREATE TEMP TABLE __tarn_rows AS ", select, ", ",
                                        std::string(kPositionColumn), " FROM __tarn_output")));
    from = "__tarn_rows";
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> expressions, PartitionExpressions(table));
  TARN_ASSIGN_OR_RETURN(const uint64_t end,
                        WritePartitions(connection, table, fields, from, expressions,
                                        max_partitions_, folder, write, conversion.files));
  while (conversion.taken > 0 && records[conversion.taken - 1].position >= end) --conversion.taken;
  while (!conversion.misfits.empty() && conversion.misfits.back().index >= conversion.taken) {
    conversion.misfits.pop_back();
  }
  return conversion;
}

}  // namespace tarn::ingestion
