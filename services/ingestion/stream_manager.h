// The rules of streams: their life, their statistics, flushing and their dead letters.
// Thread safe. Errors besides the store's: FAILED_PRECONDITION STREAM_NOT_DRAINED.
#pragma once

#include <functional>
#include <set>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "common/clock/clock.h"
#include "services/ingestion/activity/activity_outcome.h"
#include "services/ingestion/delivery/delivery_scheduler.h"
#include "services/ingestion/stream/dead_letters.h"
#include "services/ingestion/stream/delivery_store.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/stream/stream_store.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

// What PostgreSQL has of streams.
struct StreamStores {
  StreamStore& streams;
  DeliveryStore& deliveries;
  DeadLetterStore& dead_letters;
};

class StreamManager {
 public:
  StreamManager(const StreamStores& stores, StreamRegistry& registry, WriteAheadLog& wal,
                DeliveryScheduler& scheduler, const ActivityEnvironment& environment, Clock& clock,
                IngestionMetrics& metrics)
      : store_(stores.streams),
        deliveries_(stores.deliveries),
        registry_(registry),
        wal_(wal),
        scheduler_(scheduler),
        environment_(environment),
        clock_(clock),
        dead_letters_(stores.dead_letters, registry, wal, metrics) {}

  absl::StatusOr<v1::Stream> Create(const RequestContext& context,
                                    const v1::CreateStreamRequest& request);
  absl::StatusOr<v1::Stream> Get(const std::string& workspace, const std::string& name);
  absl::StatusOr<v1::ListStreamsResponse> List(const std::string& workspace,
                                               const v1::ListStreamsRequest& request);
  absl::StatusOr<v1::Stream> Update(const RequestContext& context,
                                    const v1::UpdateStreamRequest& request);
  absl::Status Delete(const RequestContext& context, const v1::DeleteStreamRequest& request);
  absl::StatusOr<v1::Stream> Flush(const std::string& workspace,
                                   const v1::FlushStreamRequest& request,
                                   const std::function<bool()>& is_cancelled);
  absl::StatusOr<v1::ListDeadLettersResponse> ListDeadLetters(
      const std::string& workspace, const v1::ListDeadLettersRequest& request);
  absl::StatusOr<v1::ReplayDeadLettersResponse> ReplayDeadLetters(
      const std::string& workspace, const v1::ReplayDeadLettersRequest& request,
      const std::function<bool()>& is_cancelled);
  absl::StatusOr<v1::PurgeDeadLettersResponse> PurgeDeadLetters(
      const std::string& workspace, const v1::PurgeDeadLettersRequest& request,
      const std::function<bool()>& is_cancelled);
  // Now and then, from one thread: what calls that were cut short left to do, and what the log
  // holds of streams that are gone.
  absl::Status DoChores();

 private:
  absl::StatusOr<v1::Stream> WithStatistics(const Stream& stream);
  absl::StatusOr<Stream> Find(const std::string& workspace, const std::string& name);
  // Lets the log forget streams that were drained and deleted: an opening finds their records again
  // as long as a segment is kept for others'. Warns of those that nobody knows.
  absl::Status ForgetDrained();

  StreamStore& store_;
  DeliveryStore& deliveries_;
  StreamRegistry& registry_;
  WriteAheadLog& wal_;
  DeliveryScheduler& scheduler_;
  const ActivityEnvironment environment_;
  Clock& clock_;
  DeadLetters dead_letters_;
  std::set<std::string> told_;  // uids that nobody knows
};

// The id in `streams/{stream}`; INVALID_ARGUMENT INVALID_RESOURCE_NAME.
absl::StatusOr<std::string> ParseStreamName(const std::string& name);

}  // namespace tarn::ingestion
