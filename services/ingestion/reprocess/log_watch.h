// What an instance says of its write-ahead log: that it is there, and, to reprocesses that wait for
// it, from which position on it has nothing of their range any more. Once a second or so; one
// thread. Errors are those of the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "common/lease/lease.h"
#include "services/ingestion/delivery/delivery_scheduler.h"
#include "services/ingestion/reprocess/reprocess_store.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

class LogWatch {
 public:
  // All outlive it; `lease` is the log's.
  LogWatch(ReprocessStore& store, const StreamRegistry& registry, WriteAheadLog& wal,
           DeliveryScheduler& scheduler, Clock& clock, const Lease& lease)
      : store_(store),
        registry_(registry),
        wal_(wal),
        scheduler_(scheduler),
        clock_(clock),
        lease_(lease) {}

  absl::Status Look();

 private:
  absl::Status Answer(const ReprocessJob& job);
  // The position before which everything stands that arrived before the reprocess's end, if it is
  // all delivered and copied.
  absl::StatusOr<std::optional<uint64_t>> FindPosition(const ReprocessJob& job,
                                                       const std::string& lane);

  ReprocessStore& store_;
  const StreamRegistry& registry_;
  WriteAheadLog& wal_;
  DeliveryScheduler& scheduler_;
  Clock& clock_;
  const Lease& lease_;
  absl::Time seen_ = absl::InfinitePast();
};

}  // namespace tarn::ingestion
