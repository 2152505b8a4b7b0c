#include "services/ingestion/record_writer.h"

#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/digest/sha256.h"
#include "common/status/error.h"
#include "services/ingestion/stream/lane.h"

namespace tarn::ingestion {
namespace {

// Tells other records under the same id. 64 bits of SHA-256: not a matter of chance. What is
// refused is refused again in a retry, and does not count.
uint64_t HashOf(const PayloadRecords& records) {
  Sha256 digest;
  for (size_t i = 0; i < records.records.size(); ++i) {
    digest.Update(absl::StrCat(records.records[i].bytes, ":"));
    digest.Update(records.record(i));
  }
  uint64_t hash = 0;
  (void)absl::SimpleHexAtoi(digest.Hex().substr(0, 16), &hash);
  return hash;
}

BatchKey KeyOf(const Stream& stream, bool backfill) {
  BatchKey key;
  key.workspace = stream.workspace;
  key.stream_uid = (backfill ? BackfillLane(stream.uid) : LiveLane(stream.uid)).key;
  return key;
}

}  // namespace

void RecordWriter::Put(const Stream& stream, bool backfill, PayloadRecords records,
                       const std::string& request_id, PutDone done) {
  if (records.total() == 0) {
    return done(InvalidFields({{"records", "at least one record; the request has none"}}));
  }
  if (request_id.size() > kMaxRequestIdBytes) {
    return done(InvalidFields({{"request_id", "at most 256 bytes"}}));
  }
  if (request_id.starts_with(kReplayPrefix)) {
    return done(
        InvalidFields({{"request_id", "must not begin with replay:, which are Tarn's own"}}));
  }
  if (records.records.empty()) {
    // Nothing to store, and nothing to remember: a retry is refused in the same way.
    metrics_.records_refused.Increment(static_cast<double>(records.refused.size()));
    PutOutcome outcome;
    outcome.total = records.total();
    outcome.refused = std::move(records.refused);
    return done(std::move(outcome));
  }
  BatchKey key = KeyOf(stream, backfill);
  key.request_id = request_id;
  if (!request_id.empty()) key.request_hash = HashOf(records);
  Append(std::move(key), std::move(records), std::move(done));
}

void RecordWriter::PutBatch(const Stream& stream, bool backfill, PayloadRecords records,
                            const std::string& producer_id, uint64_t sequence, PutDone done) {
  BatchKey key = KeyOf(stream, backfill);
  key.producer_id = producer_id;
  key.sequence = sequence;
  Append(std::move(key), std::move(records), std::move(done));
}

uint64_t RecordWriter::LastSequence(const Stream& stream, bool backfill,
                                    const std::string& producer_id) const {
  BatchKey key = KeyOf(stream, backfill);
  key.producer_id = producer_id;
  const std::optional<StoredBatch> last = wal_.LastSequence(key);
  return last ? last->sequence : 0;
}

void RecordWriter::Append(BatchKey key, PayloadRecords records, PutDone done) {
  PutOutcome outcome;
  outcome.total = records.total();
  outcome.refused = std::move(records.refused);
  metrics_.records_refused.Increment(static_cast<double>(outcome.refused.size()));
  RecordBuffer buffer{std::move(records.text), std::move(records.records)};
  wal_.Append(std::move(key), std::move(buffer),
              [&metrics = metrics_, outcome = std::move(outcome),
               done = std::move(done)](absl::StatusOr<AppendOutcome> appended) mutable {
                if (!appended.ok()) return done(appended.status());
                if (appended->replayed) metrics.requests_replayed.Increment();
                outcome.first_position = appended->first_position;
                outcome.positions_known = appended->positions_known;
                outcome.replayed = appended->replayed;
                done(std::move(outcome));
              });
}

v1::PutRecordsResponse ToResponse(const PutOutcome& outcome) {
  v1::PutRecordsResponse response;
  response.mutable_results()->Reserve(outcome.total);
  auto position = static_cast<int64_t>(outcome.first_position);
  auto refused = outcome.refused.begin();
  for (int i = 0; i < outcome.total; ++i) {
    v1::RecordResult& result = *response.add_results();
    if (refused != outcome.refused.end() && refused->index == i) {
      result.set_error_reason(refused->reason);
      result.set_error_message(refused->message);
      ++refused;
    } else {
      result.set_position(position++);
    }
  }
  response.set_failed_count(static_cast<int32_t>(outcome.refused.size()));
  response.set_replayed(outcome.replayed);
  return response;
}

}  // namespace tarn::ingestion
