// Delivers the records of one lane of a stream to one of its destinations, exactly once.
//
// A batch goes: read from the log → Parquet into a staging folder, of all that fits → flushed and
// renamed → what does not fit as dead letters into PostgreSQL → committed to the catalog with its
// range of the log → position into PostgreSQL → the log may forget it, once it is with all
// destinations. A kill between any two of these is met by Resume, which asks catalog and PostgreSQL
// how far they are:
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
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/clock/clock.h"
#include "common/lake/lake_paths.h"
#include "common/lease/lease.h"
#include "services/ingestion/activity/activity_pipeline.h"
#include "services/ingestion/activity/seen_keys.h"
#include "services/ingestion/delivery/batch_converter.h"
#include "services/ingestion/delivery/catalog_client.h"
#include "services/ingestion/delivery/delivery_unit.h"
#include "services/ingestion/delivery/destination_table.h"
#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/record/parquet_converter.h"
#include "services/ingestion/stream/delivery_store.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

struct DeliveryDependencies {
  WriteAheadLog& wal;
  DeliveryStore& store;
  CatalogClient& catalog;
  const ParquetConverter& converter;
  const lake::LakePaths& lake;
  Clock& clock;
  IngestionMetrics& metrics;
  // Of the log, as TakeLog gave it.
  const Lease& lease;
  ActivityEnvironment activities;
  // Below it, a folder for each stream: the keys that its deduplicate activities have seen.
  std::filesystem::path seen_folder;
};

class TableDelivery : public DeliveryUnit {
 public:
  // From a lane to the destination whose table has this name.
  TableDelivery(const DeliveryDependencies& dependencies, Lane lane, std::string table);

  absl::StatusOr<bool> DeliverBatch(const Stream& stream) override;
  std::optional<uint64_t> position() const override;
  std::string warning() const override;

  // Where the keys lie that its deduplicate activity has seen.
  static std::filesystem::path SeenFolder(const DeliveryDependencies& dependencies,
                                          const Lane& lane, std::string_view table);

 private:
  // What is written and waits for its commit.
  struct Prepared {
    catalog::v1::CommitTableRequest commit;
    uint64_t end_position = 0;
    int64_t rows = 0;
    absl::Time oldest;
  };
  // Which of the stream's destinations it is, and what it says. FAILED_PRECONDITION
  // DESTINATION_REMOVED.
  absl::StatusOr<int> FindDestination(const Stream& stream);
  // Compiles the activities when the stream has changed.
  absl::Status EnsurePipeline(const Stream& stream, int destination);
  absl::StatusOr<std::filesystem::path> OwnSeenFolder() const;
  absl::Status Resume(const Stream& stream);
  // Into files below `staging`, with the columns that the batch adds.
  absl::StatusOr<ConvertedBatch> Convert(const Stream& stream, const WalRecords& batch,
                                         const std::filesystem::path& staging);
  // From the batch to `prepared_` (none when no row is left); gives the position behind it.
  absl::StatusOr<uint64_t> Prepare(const Stream& stream, const WalRecords& batch);
  // What PostgreSQL must know before the commit.
  absl::Status KeepPrepared(const Stream& stream, const ConvertedBatch& converted);
  absl::Status Publish(const Stream& stream, const WalRecords& batch, ConvertedBatch& converted);
  absl::Status CommitPrepared(const Stream& stream);
  absl::Status Advance(uint64_t position, bool committed);

  const DeliveryDependencies deps_;
  const Lane lane_;
  const DeliveryKey key_;

  v1::Destination destination_;
  // Of the stream's definition with this revision; null without activities.
  std::shared_ptr<const ActivityPipeline> pipeline_;
  int64_t pipeline_revision_ = -1;
  std::unique_ptr<SeenKeys> seen_;

  bool resumed_ = false;
  uint64_t position_ = 0;            // before it everything is delivered, left out or dead
  uint64_t committed_position_ = 0;  // where the catalog is
  std::set<uint64_t> dead_;          // dead letters at or after position_
  // PostgreSQL knows of a prepared batch at whose end the position is not.
  bool has_stale_prepared_ = false;
  DestinationTable table_;
  std::optional<Prepared> prepared_;
  // The last delivery that made many small files.
  struct SmallFiles {
    absl::Time time = absl::InfinitePast();
    size_t files = 0;
    int64_t rows = 0;
  } small_files_;
  // What is read at a time; less than the max_bytes after a batch that had to be divided.
  int64_t batch_bytes_ = std::numeric_limits<int64_t>::max();
};

}  // namespace tarn::ingestion
