// One consumer of a lane of a stream, such as a destination's table: it reads the log for itself,
// and has a position of its own. The scheduler decides when it works.
//
// DeliverBatch is called by one thread at a time, the others by the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/ingestion/stream/lane.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

// A unit is due when so many bytes wait, or its oldest record has waited so long.
struct DeliveryLimits {
  int64_t max_bytes = 0;
  absl::Duration max_delay;
};

// Of a destination: what the stream says, and large ones for backfills.
DeliveryLimits LimitsOf(const Stream& stream, const Lane& lane);

class DeliveryUnit {
 public:
  virtual ~DeliveryUnit() = default;

  // Delivers one batch. True when it did, false when there was nothing to deliver. After an error
  // call it again: it goes on where it stopped.
  virtual absl::StatusOr<bool> DeliverBatch(const Stream& stream) = 0;

  // Before it everything is delivered, durably so: the log may forget it. Nothing while that is not
  // known.
  virtual std::optional<uint64_t> position() const = 0;

  // What made delivery slow, or its result hard to use, in the last hour, and what to do; empty
  // when nothing did.
  virtual std::string warning() const { return ""; }
};

}  // namespace tarn::ingestion
