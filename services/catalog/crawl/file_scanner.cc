#include "services/catalog/crawl/file_scanner.h"

#include <array>
#include <fstream>

#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/catalog/crawl/json_scanner.h"
#include "services/catalog/crawl/xml_rows.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr size_t kSampleBytes = 64 * 1024;
// Its tree takes some times as much memory.
constexpr size_t kMaxDocumentBytes = 256 << 20;

absl::Status CannotRead() { return FailedPrecondition("FILE_IO", "the file cannot be read"); }

char FirstOr(const std::string& text, char fallback) { return text.empty() ? fallback : text[0]; }

// Of Parquet: the digest of the footer, which is all that a crawl learns from.
absl::StatusOr<std::string> FooterFingerprint(const std::string& absolute_path) {
  constexpr int kTailBytes = 8;  // the footer's length and the magic
  std::ifstream in(absolute_path, std::ios::binary);
  std::array<unsigned char, 4> length{};
  in.seekg(-kTailBytes, std::ios::end);
  const std::streamoff tail = in.tellg();
  in.read(reinterpret_cast<char*>(length.data()), length.size());
  const std::streamoff bytes =
      length[0] | length[1] << 8 | length[2] << 16 | static_cast<std::streamoff>(length[3]) << 24;
  if (!in || bytes > tail) return InvalidArgument("CORRUPT_FILE", "the file has no Parquet footer");
  in.seekg(tail - bytes);
  Sha256 digest;
  std::array<char, 4096> block;
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    digest.Update({block.data(), static_cast<size_t>(in.gcount())});
  }
  if (in.bad()) return CannotRead();
  return digest.Hex();
}

}  // namespace

CsvDialect DialectOf(const FileReading& reading) {
  const CsvOptions& options = reading.csv.options;
  return {options.delimiter[0], options.quote[0], options.escape[0], reading.comment};
}

absl::StatusOr<std::string> ReadDocument(TextFile& file) {
  std::string document;
  std::string block(kSampleBytes, '\0');
  while (file.stream().read(block.data(), static_cast<std::streamsize>(block.size())) ||
         file.stream().gcount() > 0) {
    document.append(block, 0, static_cast<size_t>(file.stream().gcount()));
    if (document.size() > kMaxDocumentBytes) {
      return InvalidArgument("FILE_TOO_LARGE",
                             absl::StrCat("the document is larger than ", kMaxDocumentBytes >> 20,
                                          " MiB; divide it into several files"));
    }
  }
  TARN_RETURN_IF_ERROR(file.status());
  return document;
}

absl::StatusOr<CsvReading> DetectCsvReading(const std::string& absolute_path,
                                            const std::optional<CsvOptions>& given,
                                            TextEncoding encoding, char comment) {
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file,
                        TextFile::Open(absolute_path, encoding));
  CsvReading reading;
  if (given) reading.options = *given;
  CsvOptions& options = reading.options;
  options.quote = std::string(1, FirstOr(options.quote, '"'));
  options.escape = std::string(1, FirstOr(options.escape, options.quote[0]));
  if (options.delimiter.empty()) {
    std::string sample(kSampleBytes, '\0');
    file->stream().read(sample.data(), static_cast<std::streamsize>(sample.size()));
    sample.resize(static_cast<size_t>(file->stream().gcount()));
    file->stream().clear();
    file->stream().seekg(0);
    options.delimiter = std::string(1, DetectDelimiter(sample, options.quote[0], comment));
  }
  const CsvDialect dialect{options.delimiter[0], options.quote[0], options.escape[0], comment};
  std::vector<std::string> first_row;
  const absl::Status read =
      VisitCsvRows(file->stream(), dialect, [&](int64_t, const std::vector<std::string>& fields) {
        first_row = fields;
        return false;
      });
  TARN_RETURN_IF_ERROR(file->status());
  TARN_RETURN_IF_ERROR(read);
  if (first_row.size() > kMaxColumns) {
    return InvalidArgument("CORRUPT_FILE",
                           absl::StrCat("line 1: ", first_row.size(),
                                        " columns, where a table has at most ", kMaxColumns));
  }
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
  TARN_ASSIGN_OR_RETURN(scanned.fingerprint, FooterFingerprint(absolute_path));
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
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file, TextFile::OpenBytes(absolute_path));
  TARN_ASSIGN_OR_RETURN(const std::string document, ReadDocument(*file));
  TARN_ASSIGN_OR_RETURN(XmlRows rows, ReadXmlRows(document, reading_.row_element));
  if (reading_.row_element.empty()) reading_.row_element = rows.row_element;
  TARN_ASSIGN_OR_RETURN(rows.scanned.fingerprint, file->Fingerprint());
  return std::move(rows.scanned);
}

absl::StatusOr<ScannedFile> FileScanner::ScanText(TextFile& file) {
  switch (reading_.format) {
    case FileFormat::kJsonLines:
      return ScanJsonLines(file.stream());
    case FileFormat::kJsonArray:
      return ScanJsonArray(file.stream());
    case FileFormat::kText:
      return reading_.text->Scan(file.stream(), reading_.comment);
    default:
      return ScanCsv(file.stream(), DialectOf(reading_), reading_.csv.options.header,
                     reading_.csv.options.null_text, reading_.csv.names);
  }
}

absl::StatusOr<ScannedFile> FileScanner::Scan(const std::string& absolute_path) {
  if (reading_.format == FileFormat::kParquet) return ScanParquet(absolute_path);
  if (reading_.format == FileFormat::kXml) return ScanXml(absolute_path);
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file,
                        TextFile::Open(absolute_path, reading_.encoding));
  absl::StatusOr<ScannedFile> scanned = ScanText(*file);
  // What stopped the stream explains what the scanner saw as a file that is cut off.
  TARN_RETURN_IF_ERROR(file->status());
  TARN_RETURN_IF_ERROR(scanned.status());
  const bool comments = reading_.format == FileFormat::kCsv && reading_.comment != '\0';
  scanned->needs_copy = scanned->needs_copy || comments || !file->plain();
  TARN_ASSIGN_OR_RETURN(scanned->fingerprint, file->Fingerprint());
  return scanned;
}

absl::StatusOr<std::string> FingerprintOf(const std::string& absolute_path, FileFormat format) {
  if (format == FileFormat::kParquet) return FooterFingerprint(absolute_path);
  TARN_ASSIGN_OR_RETURN(const std::unique_ptr<TextFile> file, TextFile::OpenBytes(absolute_path));
  return file->Fingerprint();
}

}  // namespace tarn::catalog
