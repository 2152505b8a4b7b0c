// Reads one landing file of any format for its types and rows. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "services/catalog/crawl/scanned_file.h"

namespace tarn::catalog {

// How all CSV files of a table are read.
struct CsvReading {
  CsvOptions options;  // complete: nothing is left to be found out
  std::vector<std::string> names;
};

// What a file tells of itself where `given` leaves it open.
absl::StatusOr<CsvReading> DetectCsvReading(const std::string& absolute_path,
                                            const std::optional<CsvOptions>& given);

class FileScanner {
 public:
  FileScanner(duckdb::LazyDatabase& engine, FileFormat format, const CsvReading& csv,
              std::string row_element)
      : engine_(engine), format_(format), csv_(csv), row_element_(std::move(row_element)) {}

  // INVALID_ARGUMENT, with what is wrong and where, for a file that cannot be read.
  absl::StatusOr<ScannedFile> Scan(const std::string& absolute_path);

  // Of XML: the one given, or the one found in the first file.
  const std::string& row_element() const { return row_element_; }

 private:
  absl::StatusOr<ScannedFile> ScanParquet(const std::string& absolute_path);
  absl::StatusOr<ScannedFile> ScanXml(const std::string& absolute_path);

  duckdb::LazyDatabase& engine_;
  const FileFormat format_;
  const CsvReading& csv_;
  std::string row_element_;
};

// The whole content of a file. FAILED_PRECONDITION FILE_IO.
absl::StatusOr<std::string> ReadWholeFile(const std::string& absolute_path);

}  // namespace tarn::catalog
