// A batch's rows as Parquet files, those of each partition in files of their own. The rows of many
// partitions are written together, so that the batch is not read once for each.
//
// One thread, for one batch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/duckdb/database.h"
#include "common/lake/data_file.h"
#include "common/lake/parquet_writer.h"
#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {

// INVALID_ARGUMENT (INVALID_FIELD) for a partition that a stream cannot fill: one whose column is
// not there, or whose transform is none of identity, year, month, day, hour, truncate[w].
absl::Status CheckPartitionFields(const catalog::v1::Table& table);

// ", <expression> AS <column>" for each partition field: the columns that a table of rows needs
// besides its own for a PartitionWriter. Errors as CheckPartitionFields.
absl::StatusOr<std::string> PartitionKeys(const catalog::v1::Table& table);

class PartitionWriter {
 public:
  // Files that one statement keeps open at most: the engine's partitioned_write_max_open_files.
  static constexpr int kMaxOpenFiles = 128;

  // `rows` is a table of the connection with the columns `fields`, kPositionColumn and the
  // PartitionKeys of `table`. Everything referred to outlives this.
  PartitionWriter(duckdb::Connection& connection, const catalog::v1::Table& table,
                  const table_schema::Fields& fields, std::string rows,
                  const std::filesystem::path& folder, const lake::ParquetWriteOptions& options);

  // Writes into new folders below `folder` up to the position (which is returned) at which one
  // partition more than `max_partitions` begins; the largest position there is when none does. The
  // files have their values of the partition fields, which do not stand in them.
  absl::StatusOr<uint64_t> Write(int max_partitions, std::vector<lake::WrittenFile>& files);

 private:
  absl::Status FindPartitions(int max_partitions);
  absl::Status Cluster();
  size_t PartitionsAtATime() const;
  std::string RowsOf(size_t from, size_t to) const;
  absl::Status WriteOne(size_t number, std::vector<lake::WrittenFile>& files);
  absl::Status WriteSome(size_t from, size_t to, std::vector<lake::WrittenFile>& files);
  void Add(lake::WrittenFile file, size_t number, std::vector<lake::WrittenFile>& files) const;

  duckdb::Connection& connection_;
  const catalog::v1::Table& table_;
  const std::string rows_;
  const std::filesystem::path& folder_;
  const lake::ParquetWriteOptions& options_;
  const size_t key_count_;
  const size_t leaf_count_;
  std::string columns_;
  std::vector<std::vector<lake::PartitionValue>> partitions_;  // by number
  uint64_t end_;
  bool clustered_ = false;
};

}  // namespace tarn::ingestion
