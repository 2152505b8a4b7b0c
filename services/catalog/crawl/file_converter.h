// Makes the copies, below <workspace>/derived/, through which files are read that the engine cannot
// read itself. A copy is durable, has a name of its own and is relative to the lake's root; until a
// commit names it, it is garbage. One thread.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "services/catalog/crawl/file_scanner.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

class FileConverter {
 public:
  // What is given outlives the converter.
  FileConverter(const lake::LakePaths& lake, duckdb::LazyDatabase& engine, std::string workspace,
                const FileReading& reading)
      : lake_(lake), engine_(engine), workspace_(std::move(workspace)), reading_(reading) {}

  // Parquet of the rows of an XML or text file, with the types of `definition`. INVALID_ARGUMENT
  // for a file that cannot be read so.
  absl::StatusOr<std::string> ConvertToParquet(const std::string& source,
                                               const TableDefinition& definition);
  // A CSV or JSON file as the engine reads it: unpacked, in UTF-8, without a byte order mark and
  // lines that do not count.
  absl::StatusOr<std::string> CopyText(const std::string& source);

 private:
  // The folder of a source's copies.
  std::string FolderOf(const std::string& source) const;
  // Writes the rows as JSON, one object a line, every value a text.
  absl::Status WriteRows(const std::string& source, const std::string& to);

  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
  const std::string workspace_;
  const FileReading& reading_;
};

}  // namespace tarn::catalog
