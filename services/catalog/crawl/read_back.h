// Checks that the engine can read what a crawl found, before it is committed: that no value is
// dropped in silence.
#pragma once

#include <functional>
#include <vector>

#include <absl/status/statusor.h>

#include "common/duckdb/lazy_database.h"
#include "common/lake/lake_paths.h"
#include "services/catalog/crawl/scanned_file.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

// Whether files are read in the same way under both: columns, types, partitions and source.
bool SameReading(const TableDefinition& a, const TableDefinition& b);

// A file to check: its rows are counted anew, its evidence is what was seen when it was scanned.
struct FileToVerify {
  DataFile* file;
  const InferredType* columns;
};

// Reads all columns of all rows of `files`, as queries will. A file that the engine refuses, or of
// which it loses a value (it takes some texts that it cannot convert for NULL), is a problem. Sets
// row counts to what the engine counts.
absl::StatusOr<std::vector<FileProblem>> VerifyReadable(
    duckdb::LazyDatabase& engine, const lake::LakePaths& lake, const TableDefinition& definition,
    const std::vector<FileToVerify>& files, size_t max_problems, const std::function<bool()>& stop);

}  // namespace tarn::catalog
