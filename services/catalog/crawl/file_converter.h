// Makes the copies, below <workspace>/derived/, through which files are read that the engine cannot
// read itself. A copy is durable, has a name of its own and is relative to the lake's root; until a
// commit names it, it is garbage. One thread.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

class FileConverter {
 public:
  FileConverter(const lake::LakePaths& lake, duckdb::LazyDatabase& engine, std::string workspace)
      : lake_(lake), engine_(engine), workspace_(std::move(workspace)) {}

  // Parquet of the rows of an XML file, with the types of `definition`. INVALID_ARGUMENT for a
  // document that cannot be read so.
  absl::StatusOr<std::string> ConvertXml(const std::string& source, const std::string& row_element,
                                         const TableDefinition& definition);
  // A JSON file without the byte order mark that it begins with.
  absl::StatusOr<std::string> ConvertMarkedJson(const std::string& source);

 private:
  // The folder of a source's copies.
  std::string FolderOf(const std::string& source) const;

  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
  const std::string workspace_;
};

}  // namespace tarn::catalog
