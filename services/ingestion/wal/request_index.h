// The request ids of the last 24 hours and what they stored, so that a retry stores nothing twice.
// Kept in memory; the log itself is its durable form. Not thread safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include <absl/time/time.h>

#include "common/wal/wal_format.h"

namespace tarn::ingestion {

using wal::BatchKey;

inline constexpr absl::Duration kRequestRetention = absl::Hours(24);

struct StoredRequest {
  uint64_t request_hash = 0;
  uint64_t first_position = 0;
  uint32_t record_count = 0;
  absl::Time time;
};

class RequestIndex {
 public:
  void Add(const BatchKey& key, const StoredRequest& request);
  std::optional<StoredRequest> Find(const BatchKey& key) const;
  // Forgets what is older than the retention. Entries go in the order in which they came.
  void Purge(absl::Time now);
  size_t size() const { return requests_.size(); }

 private:
  // 16 bytes of SHA-256 over workspace, stream and id: a long id costs no memory.
  static std::string Digest(const BatchKey& key);

  std::unordered_map<std::string, StoredRequest> requests_;
  std::deque<std::pair<absl::Time, std::string>> by_age_;
};

}  // namespace tarn::ingestion
