#include "services/ingestion/record/parquet_converter.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/lake/hive_partition.h"
#include "common/lake/parquet_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using catalog::v1::PartitionField;
using catalog::v1::Table;
using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;

// A file that is removed when this goes.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    std::error_code error;
    fs::remove(path_, error);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
};

// A line break between the tokens of a record is as good as a space, and inside its texts there is
// none: so every record fits on one line.
absl::Status WriteLines(const fs::path& path, const std::vector<std::string_view>& records) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  std::string line;
  for (std::string_view record : records) {
    line.assign(record);
    for (char& c : line) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    line.push_back('\n');
    out.write(line.data(), static_cast<std::streamsize>(line.size()));
  }
  out.close();
  if (!out) return lake::FileError(errno == 0 ? EIO : errno, "write", path);
  return absl::OkStatus();
}

std::string ReadLinesSql(const Table& table, const fs::path& path) {
  std::string columns;
  for (const table_schema::Field& field : table.schema().fields()) {
    absl::StrAppend(&columns, columns.empty() ? "" : ", ", QuoteLiteral(field.name()), ": ",
                    QuoteLiteral(table_schema::EngineTypeOf(field)));
  }
  return absl::StrCat("SELECT * FROM read_json(", QuoteLiteral(path.string()),
                      ", format='newline_delimited', compression='uncompressed', "
                      "maximum_object_size=8388608, columns={",
                      columns, "})");
}

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

}  // namespace

absl::Status CheckPartitionFields(const Table& table) {
  return PartitionExpressions(table).status();
}

absl::StatusOr<ParquetConverter> ParquetConverter::Open(const ParquetConverterOptions& options) {
  std::error_code error;
  fs::remove_all(options.work_folder, error);
  fs::create_directories(options.work_folder, error);
  if (error) return lake::FileError(error.value(), "make", options.work_folder);
  TARN_ASSIGN_OR_RETURN(
      duckdb::Database database,
      duckdb::Database::Open({.threads = options.threads,
                              .memory_limit_bytes = options.memory_limit_bytes,
                              .temp_directory = (options.work_folder / "spill").string(),
                              .settings = {{"preserve_insertion_order", "true"}}}));
  return ParquetConverter(options.work_folder, std::move(database));
}

absl::StatusOr<std::vector<lake::WrittenFile>> ParquetConverter::Convert(
    const Table& table, const std::vector<std::string_view>& records,
    const fs::path& folder) const {
  const TemporaryFile lines(work_folder_ / (NewUuid() + ".jsonl"));
  TARN_RETURN_IF_ERROR(WriteLines(lines.path(), records));
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, database_.Connect());
  const std::string read_lines = ReadLinesSql(table, lines.path());
  lake::ParquetWriteOptions write{.field_ids = table_schema::FieldIdsSpec(table.schema().fields())};
  for (const catalog::v1::SortField& sort : table.sort_fields()) {
    absl::StrAppend(&write.order_by, write.order_by.empty() ? "" : ", ",
                    QuoteIdentifier(sort.source()), sort.descending() ? " DESC" : "");
  }
  if (table.partition_fields().empty()) {
    return lake::WriteParquet(connection, read_lines, folder, write);
  }
  // One write for each partition: their values are expressions, which are not to stand in the
  // files.
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> expressions, PartitionExpressions(table));
  TARN_RETURN_IF_ERROR(connection.Execute(absl::StrCat("CREATE TEMP TABLE batch AS ", read_lines)));
  std::string keys;
  for (const std::string& expression : expressions) {
    absl::StrAppend(&keys, keys.empty() ? "" : ", ", expression);
  }
  TARN_ASSIGN_OR_RETURN(const duckdb::QueryResult values,
                        connection.Query(absl::StrCat("SELECT DISTINCT ", keys, " FROM batch")));
  std::vector<lake::WrittenFile> all;
  for (uint64_t row = 0; row < values.row_count(); ++row) {
    std::vector<lake::PartitionValue> partition;
    std::string where;
    for (size_t i = 0; i < expressions.size(); ++i) {
      lake::PartitionValue value{PartitionName(table.partition_fields(static_cast<int>(i))), {}};
      const duckdb::Value cell = values.At(row, i);
      if (const auto* text = cell.As<std::string>()) value.value = *text;
      absl::StrAppend(&where, where.empty() ? "" : " AND ", expressions[i],
                      " IS NOT DISTINCT FROM ", value.value ? QuoteLiteral(*value.value) : "NULL");
      partition.push_back(std::move(value));
    }
    const fs::path part = folder / absl::StrCat("part", row);
    TARN_ASSIGN_OR_RETURN(
        std::vector<lake::WrittenFile> files,
        lake::WriteParquet(connection, absl::StrCat("SELECT * FROM batch WHERE ", where), part,
                           write));
    for (lake::WrittenFile& file : files) {
      file.relative_path = absl::StrCat(lake::PartitionPath(partition), "/", file.relative_path);
      file.partition = partition;
      all.push_back(std::move(file));
    }
  }
  return all;
}

absl::Status ParquetConverter::CheckConvertible(
    const Table& table, const std::vector<std::string_view>& records) const {
  const TemporaryFile lines(work_folder_ / (NewUuid() + ".jsonl"));
  TARN_RETURN_IF_ERROR(WriteLines(lines.path(), records));
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, database_.Connect());
  return connection
      .Query(absl::StrCat("CREATE TEMP TABLE checked AS ", ReadLinesSql(table, lines.path())))
      .status();
}

}  // namespace tarn::ingestion
