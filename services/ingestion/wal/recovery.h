// Reads a folder of the log into a LogState at start: cuts a torn tail, sets damage aside, salvages
// the rest. docs/formats/wal.md tells the rules. Blocking; before the log's threads begin.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/ingestion/wal/log_state.h"

namespace tarn::ingestion {

// What opening found. `damaged_bytes` were copied to the folder quarantine/.
struct WalOpenReport {
  int segments = 0;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t torn_bytes = 0;
  uint64_t damaged_bytes = 0;
  // Of writes that failed and could not be cut off; nobody was told that they were stored.
  uint64_t abandoned_batches = 0;
  uint64_t abandoned_bytes = 0;          // that are no whole batches
  std::vector<std::string> quarantined;  // paths
};

struct RecoveredLog {
  std::string uuid;
  uint64_t last_segment = 0;  // 0 without any
  WalOpenReport report;
};

// The folder exists and is this process's. Errors: those of the disk; DATA_LOSS WAL_DAMAGED when
// there are segments, but nowhere the UUID of the log.
absl::StatusOr<RecoveredLog> RecoverLog(const std::filesystem::path& folder, absl::Time now,
                                        LogState& state);

}  // namespace tarn::ingestion
