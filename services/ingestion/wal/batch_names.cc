#include "services/ingestion/wal/batch_names.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

using wal::BatchKey;
using wal::FrameHeader;
using wal::StoredBatch;

// Between two looks for producers that can be forgotten: there may be many.
constexpr absl::Duration kPurgePause = absl::Seconds(10);

std::string RequestName(const BatchKey& key) {
  std::string name = key.workspace;
  return name.append(1, '\0').append(key.stream_uid).append(1, '\0').append(key.request_id);
}

absl::Status ReusedRequestId(const BatchKey& key) {
  return FailedPrecondition(
      "REQUEST_ID_REUSED",
      absl::StrCat("request_id ", key.request_id,
                   " was used within 24 hours for other records; take a new one"),
      {{"request_id", key.request_id}});
}

absl::Status ReusedSequence(const BatchKey& key, uint64_t last) {
  return FailedPrecondition(
      "SEQUENCE_REUSED",
      absl::StrCat("sequence ", key.sequence, " of producer ", key.producer_id,
                   " was used for other records, and nothing of this batch was stored; go on after "
                   "sequence ",
                   last, ", or take another producer id"),
      {{"producer_id", key.producer_id},
       {"sequence", absl::StrCat(key.sequence)},
       {"last_sequence", absl::StrCat(last)}});
}

absl::Status SequenceGap(const BatchKey& key, uint64_t expected) {
  return MakeError(
      absl::StatusCode::kOutOfRange, "SEQUENCE_GAP",
      absl::StrCat("sequence ", key.sequence, " of producer ", key.producer_id, " came where ",
                   expected, " is expected, and was not stored; send ", expected, " first"),
      {{"producer_id", key.producer_id},
       {"sequence", absl::StrCat(key.sequence)},
       {"expected_sequence", absl::StrCat(expected)}});
}

}  // namespace

BatchNames::Decision BatchNames::Decide(const QueuedBatch& batch, absl::Time now) {
  Decision decision;
  if (!batch.key.request_id.empty()) {
    decision = DecideByRequest(batch, now);
    if (decision.answer || decision.twin != nullptr) return decision;
  }
  if (!batch.key.producer_id.empty()) decision = DecideBySequence(batch, now);
  return decision;
}

BatchNames::Decision BatchNames::DecideByRequest(const QueuedBatch& batch, absl::Time now) const {
  const BatchKey& key = batch.key;
  const auto stored = state_.requests().Find(key);
  if (stored && stored->time + RetentionOf(key.request_id) >= now) {
    if (stored->request_hash != key.request_hash) return {ReusedRequestId(key)};
    return {AppendOutcome{stored->first_position, stored->time, true}};
  }
  const auto pending = requests_.find(RequestName(key));
  if (pending == requests_.end()) return {};
  if (pending->second->key.request_hash != key.request_hash) return {ReusedRequestId(key)};
  return {std::nullopt, pending->second};
}

BatchNames::Decision BatchNames::DecideBySequence(const QueuedBatch& batch, absl::Time now) {
  const BatchKey& key = batch.key;
  const FrameHeader& header = batch.header;
  const std::vector<StoredBatch>* stored = state_.producers().Find(key, now);
  const uint64_t last = stored == nullptr ? 0 : stored->back().sequence;
  if (key.sequence <= last) {
    const auto found = std::find_if(stored->begin(), stored->end(), [&](const StoredBatch& each) {
      return each.sequence == key.sequence;
    });
    if (found == stored->end()) return {AppendOutcome{0, absl::Time(), true, false}};
    if (found->record_count != header.record_count || found->payload_crc != header.payload_crc) {
      return {ReusedSequence(key, last)};
    }
    return {AppendOutcome{found->first_position, found->time, true}};
  }
  uint64_t expected = last + 1;
  if (const auto pending = producers_.find(ProducerIndex::NameOf(key));
      pending != producers_.end()) {
    const uint64_t first = pending->second.front()->key.sequence;
    expected = first + pending->second.size();
    if (key.sequence >= first && key.sequence < expected) {
      QueuedBatch* twin = pending->second[key.sequence - first];
      if (twin->header.record_count != header.record_count ||
          twin->header.payload_crc != header.payload_crc) {
        return {ReusedSequence(key, last)};
      }
      return {std::nullopt, twin};
    }
  }
  if (key.sequence != expected) return {SequenceGap(key, expected)};
  if (expected == 1 && !HasRoomForProducer(now)) {
    return {ResourceExhausted(
        "TOO_MANY_PRODUCERS",
        absl::StrCat(max_producers_,
                     " producers have sent batches lately; nothing of this one was stored. Let "
                     "senders keep their producer ids, or send without one"),
        {{"limit", absl::StrCat(max_producers_)}})};
  }
  return {};
}

bool BatchNames::HasRoomForProducer(absl::Time now) {
  const auto has_room = [&] {
    return static_cast<int64_t>(state_.producers().size() + producers_.size()) < max_producers_;
  };
  if (has_room()) return true;
  if (now >= next_purge_) {
    next_purge_ = now + kPurgePause;
    state_.producers().Purge(now);
  }
  return has_room();
}

void BatchNames::Begin(QueuedBatch& batch) {
  if (!batch.key.request_id.empty()) requests_[RequestName(batch.key)] = &batch;
  if (!batch.key.producer_id.empty()) {
    producers_[ProducerIndex::NameOf(batch.key)].push_back(&batch);
  }
}

void BatchNames::End(const QueuedBatch& batch) {
  if (!batch.key.request_id.empty()) requests_.erase(RequestName(batch.key));
  if (batch.key.producer_id.empty()) return;
  const auto pending = producers_.find(ProducerIndex::NameOf(batch.key));
  pending->second.pop_front();
  if (pending->second.empty()) producers_.erase(pending);
}

}  // namespace tarn::ingestion
