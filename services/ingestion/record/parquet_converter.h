// Turns records that fit a table's columns (RecordMatcher) into Parquet files with the table's
// field ids, one or more for each partition.
//
// The engine reads the records from a file of JSON lines below `work_folder`, which lies in the
// page cache and is never flushed. Thread safe: each call has a connection of its own. Blocking.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/duckdb/database.h"
#include "common/lake/data_file.h"

namespace tarn::ingestion {

struct ParquetConverterOptions {
  std::filesystem::path work_folder;
  int threads = 2;
  int64_t memory_limit_bytes = 512LL << 20;
};

// INVALID_ARGUMENT (INVALID_FIELD) for a partition that a stream cannot fill: one whose column is
// not there, or whose transform is none of identity, year, month, day, hour, truncate[w].
absl::Status CheckPartitionFields(const tarn::catalog::v1::Table& table);

class ParquetConverter {
 public:
  // Makes the work folder, and empties it of what a process that was killed left there.
  static absl::StatusOr<ParquetConverter> Open(const ParquetConverterOptions& options);

  // Writes the records into `folder` (absolute, new). Errors: the engine's; INVALID_ARGUMENT
  // (SQL_ERROR) means that a record does not convert.
  absl::StatusOr<std::vector<lake::WrittenFile>> Convert(
      const tarn::catalog::v1::Table& table, const std::vector<std::string_view>& records,
      const std::filesystem::path& folder) const;

  // Whether the engine converts all of these records; errors as of Convert.
  absl::Status CheckConvertible(const tarn::catalog::v1::Table& table,
                                const std::vector<std::string_view>& records) const;

 private:
  ParquetConverter(std::filesystem::path work_folder, duckdb::Database database)
      : work_folder_(std::move(work_folder)), database_(std::move(database)) {}

  std::filesystem::path work_folder_;
  duckdb::Database database_;
};

}  // namespace tarn::ingestion
