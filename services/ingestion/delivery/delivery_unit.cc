#include "services/ingestion/delivery/delivery_unit.h"

namespace tarn::ingestion {
namespace {

constexpr DeliveryLimits kBackfillLimits{.max_bytes = 128LL << 20, .max_delay = absl::Seconds(60)};

}  // namespace

DeliveryLimits LimitsOf(const Stream& stream, const Lane& lane) {
  if (lane.kind == LaneKind::kBackfill) return kBackfillLimits;
  return {.max_bytes = stream.max_bytes(), .max_delay = stream.max_delay()};
}

}  // namespace tarn::ingestion
