// Delivers the records of one stream to its table, exactly once.
//
// A batch goes: read from the log → Parquet into a staging folder, of all that fits → flushed and
// renamed → what does not fit as dead letters into PostgreSQL → committed to the catalog with its
// range of the log → position into PostgreSQL → the log may forget it. A kill between any two of
// these is met by Resume, which asks catalog and PostgreSQL how far they are:
//   - the catalog's position is moved by the commit alone, and refuses a range that overlaps;
//   - PostgreSQL's may be behind it (killed after the commit), or ahead (a batch of dead letters
//     only is not committed; the next commit's range covers it);
//   - a record that is among the dead letters stays there, even where another batch would learn
//     another schema.
// A commit whose answer was lost is sent again as it was, or found out by Resume.
//
// Used by one thread at a time. Everything referred to outlives it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/clock/clock.h"
#include "common/lake/lake_paths.h"
#include "common/lease/lease.h"
#include "common/table_schema/engine_types.h"
#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/activity/seen_keys.h"
#include "services/ingestion/delivery/catalog_client.h"
#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/stream/stream_store.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

struct DeliveryDependencies {
  WriteAheadLog& wal;
  StreamStore& store;
  CatalogClient& catalog;
  const ParquetConverter& converter;
  const lake::LakePaths& lake;
  Clock& clock;
  IngestionMetrics& metrics;
  // Of the log, as TakeLog gave it.
  const Lease& lease;
  ActivityEnvironment activities;
  // Below it, a folder for each stream: the keys that its deduplicate activity has seen.
  std::filesystem::path seen_folder;
};

class StreamDelivery {
 public:
  StreamDelivery(const DeliveryDependencies& dependencies, std::string stream_uid);

  // Delivers one batch of up to the stream's max_bytes. True when it did, false when there was
  // nothing to deliver. After an error call it again: it goes on where it stopped.
  absl::StatusOr<bool> DeliverBatch(const Stream& stream);

 private:
  // What is written and waits for its commit.
  struct Prepared {
    catalog::v1::CommitTableRequest commit;
    uint64_t end_position = 0;
    int64_t rows = 0;
    absl::Time oldest;
  };
  // What became of a batch's records.
  struct Converted {
    std::vector<lake::WrittenFile> files;
    int64_t rows = 0;
    std::vector<NewDeadLetter> dead;
    // Everything before it is in the files, dead, or was dead before.
    uint64_t end_position = 0;
  };

  absl::Status Resume(const Stream& stream);
  // Reads the table when it is not known, and makes it when it is not there. No table when there is
  // neither one nor a column for it.
  absl::Status EnsureTable(const Stream& stream, const WalRecords& batch);
  // Into files below `staging`, with the columns that the batch adds.
  absl::StatusOr<Converted> Convert(const Stream& stream, const WalRecords& batch,
                                    const std::filesystem::path& staging);
  // Compiles the stream's activities when they have changed.
  absl::Status EnsurePipeline(const Stream& stream);
  // Columns that come out of the activities and that the table lacks.
  absl::Status AddPipelineColumns();
  // What refusals of the activities make of their records.
  static void KeepRefusals(const ActivityOutcome& outcome,
                           const std::vector<ArrivedRecord>& records, Converted& converted);
  // Columns for fields that the table lacks, from the records that have such. False when there is
  // none to add.
  bool LearnColumns(const std::vector<ArrivedRecord>& records, const std::vector<Misfit>& misfits);
  // From the batch to `prepared_` (none when no row is left); gives the position behind it.
  absl::StatusOr<uint64_t> Prepare(const Stream& stream, const WalRecords& batch);
  absl::Status Publish(const Stream& stream, const WalRecords& batch, Converted& converted);
  absl::Status KeepDeadLetters(const Stream& stream, const std::vector<NewDeadLetter>& dead);
  absl::Status CommitPrepared(const Stream& stream);
  absl::Status Advance(const Stream& stream, uint64_t position, bool committed);
  // The table with the columns that the prepared batch adds.
  catalog::v1::Table TableToWrite() const;

  const DeliveryDependencies deps_;
  const std::string uid_;
  const std::string log_id_;

  bool resumed_ = false;
  uint64_t position_ = 0;            // before it everything is delivered or dead
  uint64_t committed_position_ = 0;  // where the catalog is
  std::set<uint64_t> dead_;          // dead letters at or after position_
  std::optional<catalog::v1::Table> table_;
  table_schema::Fields added_columns_;
  // Field ids up to this one are known to be taken (by columns that were dropped).
  int field_id_floor_ = 0;
  std::optional<Prepared> prepared_;
  // Of the stream's definition with this revision; null without activities.
  std::shared_ptr<const ActivityPipeline> pipeline_;
  int64_t pipeline_revision_ = -1;
  std::unique_ptr<SeenKeys> seen_;
  // What is read at a time; less than the stream's max_bytes after a batch that had to be divided.
  int64_t batch_bytes_ = std::numeric_limits<int64_t>::max();
};

}  // namespace tarn::ingestion
