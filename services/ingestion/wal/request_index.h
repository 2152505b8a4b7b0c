// The request ids of the last 24 hours and what they stored, so that a retry stores nothing twice;
// those of replays for 30 days, so that one that a kill cut short can be ended late.
// Kept in memory; the log itself is its durable form. Not thread safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <absl/time/time.h>

#include "common/wal/wal_format.h"

namespace tarn::ingestion {

using wal::BatchKey;

inline constexpr absl::Duration kRequestRetention = absl::Hours(24);
// Of replays of dead letters (stream/dead_letters.h); callers may not use it.
inline constexpr std::string_view kReplayPrefix = "replay:";
inline constexpr absl::Duration kReplayRetention = absl::Hours(24 * 30);

// How long a request id is remembered.
inline absl::Duration RetentionOf(std::string_view request_id) {
  return request_id.starts_with(kReplayPrefix) ? kReplayRetention : kRequestRetention;
}

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
  // Forgets what is older than its retention. Entries go in the order in which they came.
  void Purge(absl::Time now);
  size_t size() const { return requests_.size(); }

 private:
  // 16 bytes of SHA-256 over workspace, stream and id: a long id costs no memory.
  static std::string Digest(const BatchKey& key);

  std::unordered_map<std::string, StoredRequest> requests_;
  // Times and digests.
  using Queue = std::deque<std::pair<absl::Time, std::string>>;
  void Purge(Queue& queue, absl::Time before);
  Queue by_age_;
  Queue replays_by_age_;
};

}  // namespace tarn::ingestion
