#include "services/query/worker/table_output.h"

#include <map>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>

#include "common/duckdb/sql_text.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"

namespace tarn::query {
namespace {

namespace wire = worker;
namespace catalog = ::tarn::catalog::v1;
using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;
using table_schema::EngineTypeOf;

// Partition columns that are not columns of the table get ids from here on, where no column's id is
// (as in Iceberg).
constexpr int kFirstPartitionFieldId = 1000;

// The column of the table that fills `field`, cast, and guarded where NULL is refused.
std::string ColumnSql(const catalog::Field& field, const std::string& source) {
  const std::string type = EngineTypeOf(field);
  std::string value = source.empty()
                          ? absl::StrCat("CAST(NULL AS ", type, ")")
                          : absl::StrCat("CAST(q.", QuoteIdentifier(source), " AS ", type, ")");
  if (field.required()) {
    const std::string message =
        absl::StrCat("column ", field.name(), " is NOT NULL, and a row has no value for it");
    value = absl::StrCat("CASE WHEN ", value, " IS NULL THEN CAST(error(", QuoteLiteral(message),
                         ") AS ", type, ") ELSE ", value, " END");
  }
  return absl::StrCat(value, " AS ", QuoteIdentifier(field.name()));
}

// A partition value in the form of Iceberg's human-readable transforms.
absl::StatusOr<std::string> TransformSql(const catalog::PartitionField& partition,
                                         const catalog::Field& field) {
  const std::string column = QuoteIdentifier(partition.source());
  const std::string& transform = partition.transform();
  if (transform == "year") return absl::StrCat("strftime(", column, ", '%Y')");
  if (transform == "month") return absl::StrCat("strftime(", column, ", '%Y-%m')");
  if (transform == "day") return absl::StrCat("strftime(", column, ", '%Y-%m-%d')");
  if (transform == "hour") return absl::StrCat("strftime(", column, ", '%Y-%m-%d-%H')");
  std::string_view width = transform;
  if (absl::string_view rest(transform);
      absl::ConsumePrefix(&rest, "truncate[") && absl::ConsumeSuffix(&rest, "]")) {
    width = {rest.data(), rest.size()};
    if (field.type() == "string")
      return absl::StrCat("left(", column, ", ", std::string(width), ")");
    if (field.type() == "int" || field.type() == "long") {
      return absl::StrCat(column, " - (((", column, " % ", std::string(width), ") + ",
                          std::string(width), ") % ", std::string(width), ")");
    }
  }
  return InvalidArgument(
      "TRANSFORM_NOT_SUPPORTED",
      absl::StrCat("tables partitioned by ", transform, " of a column of type ", field.type(),
                   " cannot be written by SQL; use identity, year, month, day, hour or truncate"));
}

std::string PathKey(const std::vector<std::string>& path) {
  return absl::StrJoin(path, std::string(1, '\0'));
}

void CollectIds(const catalog::Field& field, std::vector<std::string> path,
                std::map<std::string, int>& ids) {
  path.push_back(field.name());
  ids[PathKey(path)] = field.id();
  for (const catalog::Field& child : field.fields()) CollectIds(child, path, ids);
}

wire::WrittenFile Describe(const lake::WrittenFile& file, const wire::TableOutput& output,
                           const std::map<std::string, int>& ids) {
  wire::WrittenFile described;
  described.set_path(file.relative_path);
  described.set_row_count(static_cast<int64_t>(file.row_count));
  described.set_byte_count(static_cast<int64_t>(file.bytes));
  for (size_t i = 0; i < file.partition.size(); ++i) {
    catalog::PartitionValue* value = described.add_partition();
    value->set_name(output.partition_fields(static_cast<int>(i)).name());
    if (file.partition[i].value.has_value()) value->set_value(*file.partition[i].value);
  }
  for (const lake::ColumnStats& stats : file.columns) {
    auto id = ids.find(PathKey(stats.path));
    if (id == ids.end()) continue;
    wire::WrittenFile::Column* column = described.add_columns();
    column->set_field_id(id->second);
    if (stats.null_count) column->set_null_count(static_cast<int64_t>(*stats.null_count));
    if (stats.lower) column->set_lower_bound(*stats.lower);
    if (stats.upper) column->set_upper_bound(*stats.upper);
  }
  return described;
}

}  // namespace

absl::StatusOr<wire::Done> WriteTable(duckdb::Connection& connection, const std::string& sql,
                                      const wire::TableOutput& output) {
  std::vector<std::string> columns;
  std::map<std::string, int> ids;
  std::map<std::string, const catalog::Field*> by_name;
  for (int i = 0; i < output.fields_size(); ++i) {
    columns.push_back(ColumnSql(output.fields(i), output.sources(i)));
    CollectIds(output.fields(i), {}, ids);
    by_name[output.fields(i).name()] = &output.fields(i);
  }
  std::string select =
      absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM (", sql, ") AS q");

  lake::ParquetWriteOptions options;
  table_schema::Fields written = output.fields();
  std::vector<std::string> computed;
  for (int i = 0; i < output.partition_fields_size(); ++i) {
    const catalog::PartitionField& partition = output.partition_fields(i);
    auto field = by_name.find(partition.source());
    if (field == by_name.end()) {
      return InvalidArgument("COLUMN_NOT_FOUND",
                             absl::StrCat("the table is partitioned by ", partition.source(),
                                          ", which is not one of its columns"));
    }
    if (partition.transform() == "identity" || partition.transform().empty()) {
      options.partition_columns.push_back(partition.source());
      continue;
    }
    TARN_ASSIGN_OR_RETURN(std::string expression, TransformSql(partition, *field->second));
    computed.push_back(absl::StrCat(expression, " AS ", QuoteIdentifier(partition.name())));
    options.partition_columns.push_back(partition.name());
    catalog::Field* column = written.Add();
    column->set_name(partition.name());
    column->set_id(kFirstPartitionFieldId + i);
  }
  if (!computed.empty()) {
    select = absl::StrCat("SELECT *, ", absl::StrJoin(computed, ", "), " FROM (", select, ")");
  }
  options.field_ids = table_schema::FieldIdsSpec(written);
  TARN_ASSIGN_OR_RETURN(std::vector<lake::WrittenFile> files,
                        lake::WriteParquet(connection, select, output.directory(), options));
  wire::Done done;
  int64_t rows = 0;
  for (const lake::WrittenFile& file : files) {
    *done.add_files() = Describe(file, output, ids);
    rows += static_cast<int64_t>(file.row_count);
  }
  done.set_row_count(rows);
  return done;
}

absl::StatusOr<wire::Done> WriteExport(duckdb::Connection& connection, const std::string& sql,
                                       const wire::FileOutput& output) {
  std::string format;
  if (output.format() == "csv") {
    format = "FORMAT csv, HEADER true";
  } else if (output.format() == "json") {
    format = "FORMAT json";
  } else if (output.format() == "parquet") {
    format = "FORMAT parquet, COMPRESSION zstd";
  } else {
    return InvalidArgument(
        "EXPORT_FORMAT_UNKNOWN",
        absl::StrCat("an export's format is csv, json or parquet, not ", output.format()));
  }
  TARN_ASSIGN_OR_RETURN(
      duckdb::QueryResult result,
      connection.Query(
          absl::StrCat("COPY (", sql, ") TO ", QuoteLiteral(output.path()), " (", format, ")")));
  wire::Done done;
  done.set_row_count(static_cast<int64_t>(result.rows_changed()));
  return done;
}

}  // namespace tarn::query
