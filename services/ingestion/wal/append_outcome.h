// The answer to a batch that was given to the write-ahead log.
#pragma once

#include <cstdint>
#include <functional>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::ingestion {

struct AppendOutcome {
  uint64_t first_position = 0;
  absl::Time time;
  // The request id or the sequence had been seen: nothing was stored now.
  bool replayed = false;
  // False only of a replayed batch that is older than the last ones of its producer: that it was
  // stored is known, but not where.
  bool positions_known = true;
};
using AppendDone = std::function<void(absl::StatusOr<AppendOutcome>)>;

}  // namespace tarn::ingestion
