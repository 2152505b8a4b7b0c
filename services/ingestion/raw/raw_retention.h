// Removes raw copies whose time is over, by whole hours of arrival, and those of streams that were
// deleted. Now and then; several instances may do so at once.
//
// A kill anywhere leaves files that the next round finds. Blocking; one thread. Errors: those of
// the store and of the disk; the first one is returned after the others were gone through.
#pragma once

#include <cstdint>
#include <string_view>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "common/lake/lake_paths.h"
#include "services/ingestion/raw/raw_copy_store.h"
#include "services/ingestion/raw/raw_folder.h"
#include "services/ingestion/raw/raw_metrics.h"

namespace tarn::ingestion {

class RawRetention {
 public:
  RawRetention(RawCopyStore& store, const lake::LakePaths& lake, Clock& clock, RawMetrics& metrics)
      : store_(store), lake_(lake), clock_(clock), metrics_(metrics) {}

  absl::Status Run();

 private:
  // Removes the stream's files of all hours that end before `horizon`.
  absl::Status Remove(const RawCopyStore::Kept& stream, absl::Time horizon, std::string_view why);
  struct Removed {
    int64_t files = 0;
    int64_t bytes = 0;
  };
  absl::Status RemoveHour(const RawFolder& folder, absl::Time hour, std::string_view stream_uid,
                          Removed& removed) const;

  RawCopyStore& store_;
  const lake::LakePaths& lake_;
  Clock& clock_;
  RawMetrics& metrics_;
};

}  // namespace tarn::ingestion
