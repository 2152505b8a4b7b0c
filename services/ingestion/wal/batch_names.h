// Stores each named batch once: decides by its request id, or its producer and sequence, whether it
// was stored before, is on its way, or is to be stored now. Not thread safe: the log guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/ingestion/wal/append_outcome.h"
#include "services/ingestion/wal/log_state.h"
#include "services/ingestion/wal/segment_writer.h"

namespace tarn::ingestion {

// A batch on its way, and who waits for it.
struct QueuedBatch : OutgoingBatch {
  std::vector<AppendDone> done;  // the first is its own, the others came with its twins
  absl::Time deadline;           // when it is refused if it could not be written until then
};

class BatchNames {
 public:
  // `state` outlives this.
  BatchNames(LogState& state, int64_t max_producers)
      : state_(state), max_producers_(max_producers) {}

  struct Decision {
    // Set when there is an answer already; errors: FAILED_PRECONDITION REQUEST_ID_REUSED and
    // SEQUENCE_REUSED, OUT_OF_RANGE SEQUENCE_GAP, RESOURCE_EXHAUSTED TOO_MANY_PRODUCERS.
    std::optional<absl::StatusOr<AppendOutcome>> answer;
    // Set when the same batch is on its way: its answer will be this one's.
    QueuedBatch* twin = nullptr;
  };
  // Neither of the two: the batch is to be stored.
  Decision Decide(const QueuedBatch& batch, absl::Time now);

  // A batch is on its way until it has ended, well or not; each producer's end in their order.
  void Begin(QueuedBatch& batch);
  void End(const QueuedBatch& batch);

 private:
  Decision DecideByRequest(const QueuedBatch& batch, absl::Time now) const;
  Decision DecideBySequence(const QueuedBatch& batch, absl::Time now);
  bool HasRoomForProducer(absl::Time now);

  LogState& state_;
  const int64_t max_producers_;
  absl::Time next_purge_ = absl::InfinitePast();
  std::unordered_map<std::string, QueuedBatch*> requests_;  // "workspace\0stream\0id"
  // By ProducerIndex::NameOf; in the order of their sequences, without a gap.
  std::unordered_map<std::string, std::deque<QueuedBatch*>> producers_;
};

}  // namespace tarn::ingestion
