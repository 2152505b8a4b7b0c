// What becomes of a batch of records on the way to a destination's table: rows in Parquet files, or
// dead letters, or nothing where activities leave them out. The one way in which records are
// converted, for deliveries and for reprocesses.
//
// Blocking; one thread. Everything referred to outlives it. Errors are the engine's and the
// activities'; FAILED_PRECONDITION OUTPUT_TYPE_DIFFERS.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <absl/status/statusor.h>

#include "common/lake/data_file.h"
#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/activity/seen_keys.h"
#include "services/ingestion/delivery/destination_table.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/stream/delivery_store.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

struct ConvertedBatch {
  // In the folder that was given, not published.
  std::vector<lake::WrittenFile> files;
  int64_t rows = 0;
  // Records that activities left out.
  int64_t filtered = 0;
  // Their payloads are those of the records.
  std::vector<NewDeadLetter> dead;
  // Everything before it is in the files, left out or dead: less than the whole batch where that
  // would have filled too many partitions.
  uint64_t end_position = 0;
};

class BatchConverter {
 public:
  // `pipeline` is null without activities, `seen` without one that deduplicates. `table` gets the
  // columns that the batch adds.
  BatchConverter(const ParquetConverter& converter, const Stream& stream,
                 const ActivityPipeline* pipeline, SeenKeys* seen, DestinationTable& table)
      : converter_(converter), stream_(stream), pipeline_(pipeline), seen_(seen), table_(table) {}

  // `batch` is what of the positions [from, to) is to be converted, in their order. Into files
  // below `staging`, which need not be there.
  absl::StatusOr<ConvertedBatch> Convert(const std::vector<WalRecord>& batch, uint64_t from,
                                         uint64_t to, const std::filesystem::path& staging) const;

 private:
  const ParquetConverter& converter_;
  const Stream& stream_;
  const ActivityPipeline* const pipeline_;
  SeenKeys* const seen_;
  DestinationTable& table_;
};

}  // namespace tarn::ingestion
