// Turns raw records of a span of time into published files of a destination's table, as its
// delivery would today, and gathers the commit that adds them.
//
// A deduplicate activity begins with what it saw in the window before the span, and remembers over
// all logs, in the order of arrival.
//
// Used once, by one thread. Everything referred to outlives it. Errors are those of RawReader, the
// activities, the catalog and the engine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/lake/lake_paths.h"
#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/activity/seen_keys.h"
#include "services/ingestion/delivery/destination_table.h"
#include "services/ingestion/raw/raw_reader.h"
#include "services/ingestion/raw/raw_record.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/reprocess/reprocess_outcome_store.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

struct RawConversionDependencies {
  const ParquetConverter& converter;
  const lake::LakePaths& lake;
  ActivityEnvironment activities;
  // Where the keys that a deduplicate activity has seen lie meanwhile.
  std::filesystem::path work_folder;
};

class RawConversion {
 public:
  // `destination` is its table's name, and `table` what is known of that: a conversion whose commit
  // was refused tells the next one by it that the table has changed.
  RawConversion(const RawConversionDependencies& dependencies, const Stream& stream,
                std::string destination, DestinationTable& table);
  ~RawConversion();
  RawConversion(const RawConversion&) = delete;
  RawConversion& operator=(const RawConversion&) = delete;

  // FAILED_PRECONDITION DESTINATION_REMOVED when the stream has it no longer.
  absl::Status Begin();

  struct Progress {
    int64_t records_read = 0;
    int64_t rows_written = 0;
    absl::Time read_until;
    std::vector<ReprocessDeadLetter> dead_letters;  // since the call before
  };
  // Calls `report` after each batch; its error ends it.
  absl::Status Convert(const RawRange& range,
                       const std::function<absl::Status(const Progress&)>& report);
  // The files and columns to add, and the schema that they were written with.
  catalog::v1::CommitTableRequest TakeCommit();

 private:
  // Records that are converted together.
  struct Batch {
    std::vector<RawRecord> records;
    size_t bytes = 0;
  };

  // Before `range_start` they only fill the window of a deduplication.
  absl::Status ConvertBatch(const Batch& batch, absl::Time range_start, Progress& progress);

  const RawConversionDependencies deps_;
  const Stream stream_;
  const std::string destination_name_;
  const std::filesystem::path seen_folder_;

  v1::Destination destination_;
  std::shared_ptr<const ActivityPipeline> pipeline_;  // null without activities
  std::unique_ptr<SeenKeys> seen_;
  DestinationTable& table_;
  bool has_begun_ = false;  // the table grows from there on
  // Records are numbered over all logs, in the order in which they are read.
  uint64_t next_number_ = 0;
  catalog::v1::CommitTableRequest commit_;
};

}  // namespace tarn::ingestion
