// Turns records into Parquet files with the table's field ids, one or more for each partition.
// Each record is parsed once, on the engine's threads, straight into its vectors (record_rows.h);
// what does not fit the table's columns is left out and named.
//
// Thread safe: each call has a connection of its own. Blocking.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/duckdb/lazy_database.h"
#include "common/lake/data_file.h"
#include "services/ingestion/record/record_rows.h"

namespace tarn::ingestion {

struct ParquetConverterOptions {
  // Where large sorts spill.
  std::filesystem::path work_folder;
  // Beside the work folder, all that the engine can reach; its settings are locked.
  std::filesystem::path lake_folder;
  int threads = 2;
  int64_t memory_limit_bytes = 512LL << 20;
  // Partitions that one call writes at most, each a file of its own.
  int max_partitions = 256;
};

// What is done to rows between the records and the table.
struct RowTransform {
  // The columns of the records.
  table_schema::Fields input;
  // Makes `output`, a table or view of the table's columns (or some of them), kPositionColumn and
  // _ingested_at, of the table `input`, which has the columns `input`, and these two.
  std::function<absl::Status(duckdb::Connection& connection, const std::string& input,
                             const std::string& output)>
      run;
};

struct Conversion {
  std::vector<lake::WrittenFile> files;
  // Of the records that were taken.
  std::vector<Misfit> misfits;
  // How many records from the front are written or misfits: fewer than there were when they would
  // have filled more than max_partitions partitions.
  size_t taken = 0;
};

class ParquetConverter {
 public:
  // Makes the work folder, and empties it of what a process that was killed left there. The engine
  // is opened by the first call that needs it.
  static absl::StatusOr<ParquetConverter> Open(const ParquetConverterOptions& options);

  // Writes the records into `folder` (absolute, new), `transform`ed unless it is null. Errors are
  // the engine's, and the transform's; after a fatal one of the engine the next call opens another.
  absl::StatusOr<Conversion> Convert(const tarn::catalog::v1::Table& table,
                                     const UnknownFields& unknown,
                                     std::span<const ArrivedRecord> records,
                                     const std::filesystem::path& folder,
                                     const RowTransform* transform = nullptr) const;

  // That of the connections that transforms get.
  duckdb::LazyDatabase& engine() const { return *engine_; }

 private:
  ParquetConverter(int max_partitions, duckdb::DatabaseOptions engine)
      : max_partitions_(max_partitions),
        engine_(std::make_unique<duckdb::LazyDatabase>(std::move(engine))) {}
  absl::StatusOr<Conversion> TryConvert(const tarn::catalog::v1::Table& table,
                                        const UnknownFields& unknown,
                                        std::span<const ArrivedRecord> records,
                                        const std::filesystem::path& folder,
                                        const RowTransform* transform) const;

  int max_partitions_;
  std::unique_ptr<duckdb::LazyDatabase> engine_;
};

// The table's sort order, as SQL behind ORDER BY; empty where it has none.
std::string OrderBySql(const catalog::v1::Table& table);

}  // namespace tarn::ingestion
