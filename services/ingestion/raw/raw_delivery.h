// Writes the records of one lane of a stream, as they arrived, to its raw copies, exactly once.
//
// A batch goes: read from the log → divided by hour of arrival → each part into a file of its own,
// flushed and renamed to a name that says which range of the log it stands for → position into
// PostgreSQL. A file that was published by a process that was killed before the last step is found
// by its beginning and taken over as it is, whatever the batch would be now.
//
// Records that were lost in a damaged part of the log are left out.
//
// Used by one thread at a time. Everything referred to outlives it. After an error call it again:
// it looks how far things are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lake/lake_paths.h"
#include "common/lease/lease.h"
#include "services/ingestion/delivery/delivery_unit.h"
#include "services/ingestion/raw/raw_copy_store.h"
#include "services/ingestion/raw/raw_folder.h"
#include "services/ingestion/raw/raw_metrics.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

// What a batch of raw copies has at most, and how long the oldest record waits for it.
inline constexpr int64_t kRawBatchBytes = 64LL << 20;
inline constexpr absl::Duration kRawMaxDelay = absl::Seconds(60);

struct RawDeliveryDependencies {
  WriteAheadLog& wal;
  RawCopyStore& store;
  const lake::LakePaths& lake;
  RawMetrics& metrics;
  // Of the log, as TakeLog gave it.
  const Lease& lease;
};

class RawDelivery : public DeliveryUnit {
 public:
  // Of a lane that is copied (raw_copy_lanes.h).
  RawDelivery(const RawDeliveryDependencies& dependencies, Lane lane);

  absl::StatusOr<bool> DeliverBatch(const Stream& stream) override;
  std::optional<uint64_t> position() const override;

 private:
  // Records of one hour, one after the other in the log.
  struct Run {
    absl::Time hour;
    std::vector<const WalRecord*> records;
  };

  static std::vector<Run> DivideByHour(const WalRecords& batch);
  // The end of the range of a file that begins with this record; 0 when there is none.
  absl::StatusOr<uint64_t> FindPublished(const RawFolder& folder, const WalRecord& first) const;
  absl::Status Write(const RawFolder& folder, const Run& run);
  absl::Status Advance(uint64_t to);

  const RawDeliveryDependencies deps_;
  const Lane lane_;
  const std::string log_id_;

  uint64_t position_ = 0;
  bool resumed_ = false;
  // What is next may have been published by somebody who did not come to store the position.
  bool may_be_published_ = false;
};

}  // namespace tarn::ingestion
