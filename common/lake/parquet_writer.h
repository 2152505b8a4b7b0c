// Parquet files of a SELECT: written by the engine into a staging folder, with statistics, and in a
// second step made durable under their final names.
//
//   TARN_ASSIGN_OR_RETURN(auto files, WriteParquet(connection, "SELECT …", staging, options));
//   TARN_RETURN_IF_ERROR(PublishWrittenFiles(files, data_folder));
//   … commit the files to the catalog …
//   RemoveStaging(staging);
//
// A kill between any two lines leaves files that no snapshot names, which is garbage that the
// catalog collects; never a named file that is not there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/duckdb/database.h"
#include "common/lake/data_file.h"

namespace tarn::lake {

struct ParquetWriteOptions {
  // The value of COPY's FIELD_IDS ("{a: 1, s: {__duckdb_field_id: 2, x: 3}}"; common/table_schema
  // makes it); empty for none. Every column of the SELECT must be in it.
  std::string field_ids;
  // Columns of the SELECT by whose values files are kept apart.
  std::vector<std::string> partition_columns;
  // Whether they are written as well.
  bool write_partition_columns = true;
  // SQL after ORDER BY; empty for none. Within each file of a partition as far as the engine keeps
  // it.
  std::string order_by;
  std::string compression = "zstd";
  uint64_t row_group_rows = 122'880;
  // A new file begins after about this many bytes. Not for partitioned writes, where the engine
  // makes one file a partition (several when there are more partitions than it keeps open).
  uint64_t max_file_bytes = 512ULL << 20;
};

// Writes into `folder` (absolute; made when it is missing, otherwise it must be empty). Files
// without rows are removed again, so a SELECT without rows gives no file. On an error nothing stays
// in `folder`. The connection must be in UTC, as every Database is by default, for bounds and
// partition values of TIMESTAMPTZ to be. Blocking; Connection::Interrupt() ends it. Errors: the
// engine's (common/duckdb/database.h); RESOURCE_EXHAUSTED DISK_FULL; FAILED_PRECONDITION
// STAGING_NOT_EMPTY.
absl::StatusOr<std::vector<WrittenFile>> WriteParquet(duckdb::Connection& connection,
                                                      const std::string& select_sql,
                                                      const std::filesystem::path& folder,
                                                      const ParquetWriteOptions& options);

// Flushes every file, renames it to `folder`/relative_path (folders are made as needed, durably)
// and flushes the folders, each once. Sets each file's `path`. On an error some files may have been
// moved; none is committed, so all are garbage. Errors as in durable_file.h.
absl::Status PublishWrittenFiles(std::vector<WrittenFile>& files,
                                 const std::filesystem::path& folder);

// Removes a staging folder with what is left in it; best effort, since garbage is collected anyway.
void RemoveStaging(const std::filesystem::path& folder);

}  // namespace tarn::lake
