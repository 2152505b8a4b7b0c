// The last batches that each producer stored in each stream, so that a batch which is sent again is
// stored once. Kept in memory; the log itself is its durable form: a producer's newest batch stands
// in a segment, in the frames of producers, or in both.
//
// A producer is forgotten some time after its last batch, and then begins at 1 again. Not thread
// safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <absl/time/time.h>

#include "common/wal/wal_format.h"

namespace tarn::ingestion {

using wal::BatchKey;
using wal::ProducerPosition;
using wal::StoredBatch;

class ProducerIndex {
 public:
  // How many of a producer's batches are remembered with their positions; of the older ones only
  // that they were stored. As many as a producer keeps in flight.
  static constexpr size_t kRemembered = 16;

  explicit ProducerIndex(absl::Duration retention) : retention_(retention) {}

  // Remembers a batch that was stored after all that were added before. One that is remembered
  // already changes nothing; a sequence below those means that the producer began at 1 again.
  void Add(const BatchKey& key, const StoredBatch& batch);

  // The producer's last batches by sequence, ascending; null when it is unknown or forgotten. Valid
  // until the next change.
  const std::vector<StoredBatch>* Find(const BatchKey& key, absl::Time now) const;

  // Forgets who has been silent for longer than the retention.
  void Purge(absl::Time now);

  // The last batch of each, for the log.
  std::vector<ProducerPosition> Snapshot() const;
  // The last batch of one; nothing is returned for a producer that is unknown.
  std::vector<ProducerPosition> Last(const BatchKey& key) const;

  size_t size() const { return producers_.size(); }

  // What tells producers apart: "workspace\0stream\0producer".
  static std::string NameOf(const BatchKey& key);

 private:
  static ProducerPosition PositionOf(std::string_view name, const StoredBatch& last);

  const absl::Duration retention_;
  std::unordered_map<std::string, std::vector<StoredBatch>> producers_;
};

}  // namespace tarn::ingestion
