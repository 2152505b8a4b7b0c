// The time now as PostgreSQL keeps it, in whole microseconds: a resource is the same when it is
// made and when it is read. Any thread.
#pragma once

#include <absl/time/time.h>

#include "common/clock/clock.h"

namespace tarn::transform {

inline absl::Time StoredNow(const Clock& clock) {
  return absl::FromUnixMicros(absl::ToUnixMicros(clock.Now()));
}

}  // namespace tarn::transform
