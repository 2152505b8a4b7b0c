#include "services/catalog/crawl/file_scanner.h"

#include <fstream>
#include <sstream>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/catalog/crawl/csv_scanner.h"
#include "services/catalog/crawl/json_scanner.h"
#include "services/catalog/crawl/xml_rows.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr size_t kSampleBytes = 64 * 1024;

absl::Status CannotRead() { return FailedPrecondition("FILE_IO", "the file cannot be read"); }

char FirstOr(const std::string& text, char fallback) { return text.empty() ? fallback : text[0]; }

CsvDialect DialectOf(const CsvOptions& options) {
  return {options.delimiter[0], options.quote[0], options.escape[0]};
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& absolute_path) {
  std::ifstream in(absolute_path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in || in.bad()) return CannotRead();
  return std::move(content).str();
}

absl::StatusOr<CsvReading> DetectCsvReading(const std::string& absolute_path,
                                            const std::optional<CsvOptions>& given) {
  std::ifstream in(absolute_path, std::ios::binary);
  if (!in) return CannotRead();
  CsvReading reading;
  if (given) reading.options = *given;
  CsvOptions& options = reading.options;
  options.quote = std::string(1, FirstOr(options.quote, '"'));
  options.escape = std::string(1, FirstOr(options.escape, options.quote[0]));
  if (options.delimiter.empty()) {
    std::string sample(kSampleBytes, '\0');
    in.read(sample.data(), static_cast<std::streamsize>(sample.size()));
    sample.resize(static_cast<size_t>(in.gcount()));
    in.clear();
    in.seekg(0);
    options.delimiter = std::string(1, DetectDelimiter(sample, options.quote[0]));
  }
  std::vector<std::string> first_row;
  TARN_RETURN_IF_ERROR(
      VisitCsvRows(in, DialectOf(options), [&](int64_t, const std::vector<std::string>& fields) {
        first_row = fields;
        return false;
      }));
  if (!given) options.header = LooksLikeHeader(first_row);
  reading.names = ColumnNames(first_row, options.header);
  return reading;
}

absl::StatusOr<ScannedFile> FileScanner::ScanParquet(const std::string& absolute_path) {
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_.Connect());
  const std::string file = duckdb::QuoteLiteral(duckdb::ExactPath(absolute_path));
  TARN_ASSIGN_OR_RETURN(const duckdb::QueryResult empty,
                        connection.Query("SELECT * FROM read_parquet(" + file +
                                         ", hive_partitioning=false) LIMIT 0"));
  ScannedFile scanned;
  std::vector<FieldViolation> violations;
  for (const duckdb::Column& column : empty.schema()) {
    TARN_ASSIGN_OR_RETURN(const table_schema::Field field,
                          table_schema::FieldFromEngine(column.name, column.type));
    scanned.columns.parts.emplace_back(
        column.name, InferredFrom(FieldFromProto(field, column.name, violations)));
  }
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult rows,
      connection.Query("SELECT num_rows::BIGINT FROM parquet_file_metadata(" + file + ")"));
  if (const auto value = rows.At(0, 0); value.As<int64_t>() != nullptr) {
    scanned.row_count = *value.As<int64_t>();
  }
  return scanned;
}

absl::StatusOr<ScannedFile> FileScanner::ScanXml(const std::string& absolute_path) {
  TARN_ASSIGN_OR_RETURN(const std::string document, ReadWholeFile(absolute_path));
  TARN_ASSIGN_OR_RETURN(XmlRows rows, ReadXmlRows(document, row_element_));
  if (row_element_.empty()) row_element_ = rows.row_element;
  return std::move(rows.scanned);
}

absl::StatusOr<ScannedFile> FileScanner::Scan(const std::string& absolute_path) {
  if (format_ == FileFormat::kParquet) return ScanParquet(absolute_path);
  if (format_ == FileFormat::kXml) return ScanXml(absolute_path);
  std::ifstream in(absolute_path, std::ios::binary);
  if (!in) return CannotRead();
  if (format_ == FileFormat::kJsonLines) return ScanJsonLines(in);
  if (format_ == FileFormat::kJsonArray) return ScanJsonArray(in);
  return ScanCsv(in, DialectOf(csv_.options), csv_.options.header, csv_.options.null_text,
                 csv_.names);
}

}  // namespace tarn::catalog
