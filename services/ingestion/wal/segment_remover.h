// Removes segments in which nothing is undelivered, and keeps what must outlive them: the request
// ids of the last day in .requests files, positions and producers in the file POSITIONS. A reserve
// of disk space is set aside, so that this works on a full disk, too, and can make room there.
//
// One thread at a time. Errors are those of the disk (common/lake/durable_file.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "services/ingestion/wal/log_state.h"

namespace tarn::ingestion {

class SegmentRemover {
 public:
  SegmentRemover(std::filesystem::path folder, int64_t reserve_bytes)
      : folder_(std::move(folder)), reserve_bytes_(reserve_bytes) {}

  // Sets the reserve aside where it is missing. A disk without room for it is no error.
  void EnsureReserve();

  // Writes POSITIONS. It is a second copy of what the newest segment begins with.
  absl::Status WritePositions(const std::string& uuid, const LogSnapshot& snapshot, absl::Time now);

  // Removes one segment. With `has_requests` its ids that are to be remembered and known to
  // `is_known` (whether that batch stands at that position) are written down first.
  absl::Status Remove(
      uint64_t number, bool has_requests, absl::Time now,
      const std::function<bool(const wal::BatchKey& key, uint64_t first_position)>& is_known);

  // Ids that are forgotten, where a .requests file is old, and the file when it has no others.
  absl::Status RemoveOldRequests(absl::Time now);

 private:
  // Of a small file, if need be with the space of the reserve.
  absl::Status WriteDurably(const std::filesystem::path& path, std::string_view content);

  const std::filesystem::path folder_;
  const int64_t reserve_bytes_;
};

}  // namespace tarn::ingestion
