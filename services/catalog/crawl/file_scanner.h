// Reads one landing file of any format for its types and rows. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "services/catalog/crawl/csv_scanner.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/crawl/text_file.h"
#include "services/catalog/crawl/text_pattern.h"

namespace tarn::catalog {

// How all CSV files of a table are read.
struct CsvReading {
  CsvOptions options;  // complete: nothing is left to be found out
  std::vector<std::string> names;
};

// How the files of a table are read, beyond what each says itself.
struct FileReading {
  FileFormat format = FileFormat::kUnspecified;
  TextEncoding encoding = TextEncoding::kUnspecified;
  char comment = '\0';
  CsvReading csv;
  // Of XML: the one given, or the one found in the first file.
  std::string row_element;
  const TextPattern* text = nullptr;
};

CsvDialect DialectOf(const FileReading& reading);

// What a file tells of itself where `given` leaves it open. INVALID_ARGUMENT for one that cannot be
// read.
absl::StatusOr<CsvReading> DetectCsvReading(const std::string& absolute_path,
                                            const std::optional<CsvOptions>& given,
                                            TextEncoding encoding, char comment);

class FileScanner {
 public:
  // Both outlive the scanner; a row element that is found is put into `reading`.
  FileScanner(duckdb::LazyDatabase& engine, FileReading& reading)
      : engine_(engine), reading_(reading) {}

  // INVALID_ARGUMENT, with what is wrong and where, for a file that cannot be read.
  absl::StatusOr<ScannedFile> Scan(const std::string& absolute_path);

 private:
  absl::StatusOr<ScannedFile> ScanParquet(const std::string& absolute_path);
  absl::StatusOr<ScannedFile> ScanXml(const std::string& absolute_path);
  absl::StatusOr<ScannedFile> ScanText(TextFile& file);

  duckdb::LazyDatabase& engine_;
  FileReading& reading_;
};

// What a scan says of the file's fingerprint.
absl::StatusOr<std::string> FingerprintOf(const std::string& absolute_path, FileFormat format);

// The whole of an XML document, unpacked. INVALID_ARGUMENT FILE_TOO_LARGE.
absl::StatusOr<std::string> ReadDocument(TextFile& file);

}  // namespace tarn::catalog
