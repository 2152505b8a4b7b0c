// The rules of dead letters that are there: listed, put back into the log, removed.
//
// A replay claims a batch of letters of one destination in PostgreSQL, appends it to that
// destination's replay lane (lane.h) under a request id made of the claim, and marks it. A kill in
// between leaves a claim that is not marked: the next replay, or FinishReplays, appends the same
// batch under the same id, which stores nothing twice as long as the log remembers the id
// (kReplayRetention, 30 days). A claim that is older than that is left as it is, since nobody knows
// whether it came into the log; its letters can be purged.
//
// Thread safe; blocking. Errors besides the stores': those of WriteAheadLog::Append; CANCELLED.
#pragma once

#include <functional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/stream/dead_letter_store.h"
#include "services/ingestion/stream/stream_registry.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

class DeadLetters {
 public:
  DeadLetters(DeadLetterStore& store, StreamRegistry& registry, WriteAheadLog& wal,
              IngestionMetrics& metrics)
      : store_(store), registry_(registry), wal_(wal), metrics_(metrics) {}

  absl::StatusOr<v1::ListDeadLettersResponse> List(const Stream& stream,
                                                   const v1::ListDeadLettersRequest& request);
  absl::StatusOr<v1::ReplayDeadLettersResponse> Replay(const Stream& stream,
                                                       const v1::ReplayDeadLettersRequest& request,
                                                       const std::function<bool()>& is_cancelled);
  absl::StatusOr<v1::PurgeDeadLettersResponse> Purge(const Stream& stream,
                                                     const v1::PurgeDeadLettersRequest& request,
                                                     const std::function<bool()>& is_cancelled);

  // Ends the replays into this log that a kill cut short, and forgets what was replayed long ago.
  absl::Status DoChores();

 private:
  absl::StatusOr<int64_t> FinishReplays(const Stream& stream);
  // How many letters of the batch were marked now.
  absl::StatusOr<int64_t> PutBack(const Stream& stream, const ReplayBatch& batch);

  DeadLetterStore& store_;
  StreamRegistry& registry_;
  WriteAheadLog& wal_;
  IngestionMetrics& metrics_;
};

}  // namespace tarn::ingestion
