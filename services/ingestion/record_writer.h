// Puts the records of one request into the write-ahead log: into the stream's live lane, or that of
// its backfills (stream/lane.h). Thread safe; never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tarn/ingestion/v1/ingestion_service.pb.h"

#include "services/ingestion/ingestion_metrics.h"
#include "services/ingestion/payload/payload_records.h"
#include "services/ingestion/stream/stream.h"
#include "services/ingestion/wal/write_ahead_log.h"

namespace tarn::ingestion {

inline constexpr size_t kMaxRequestIdBytes = 256;

// What became of a request's records: those that are not refused have the positions from
// `first_position` on, in their order.
struct PutOutcome {
  uint64_t first_position = 0;
  // False only of a batch of a producer that was stored long ago: that it is stored is known, but
  // no longer where.
  bool positions_known = true;
  bool replayed = false;
  int total = 0;
  std::vector<RefusedRecord> refused;

  int stored() const { return total - static_cast<int>(refused.size()); }
};
using PutDone = std::function<void(absl::StatusOr<PutOutcome>)>;

class RecordWriter {
 public:
  RecordWriter(WriteAheadLog& wal, IngestionMetrics& metrics) : wal_(wal), metrics_(metrics) {}

  // `done` is called once, on the log's thread or before this returns. INVALID_ARGUMENT
  // (INVALID_FIELD) for no records or a request id that is too long; the errors of
  // WriteAheadLog::Append, in all of which nothing is stored. `request_id` may be empty.
  void Put(const Stream& stream, bool backfill, PayloadRecords records,
           const std::string& request_id, PutDone done);
  // One batch of a producer, which may be without records. Errors: as above.
  void PutBatch(const Stream& stream, bool backfill, PayloadRecords records,
                const std::string& producer_id, uint64_t sequence, PutDone done);
  // The producer's last stored batch in the stream, or 0.
  uint64_t LastSequence(const Stream& stream, bool backfill, const std::string& producer_id) const;

 private:
  void Append(BatchKey key, PayloadRecords records, PutDone done);

  WriteAheadLog& wal_;
  IngestionMetrics& metrics_;
};

// One result for each record.
v1::PutRecordsResponse ToResponse(const PutOutcome& outcome);

}  // namespace tarn::ingestion
