// Which units the lanes of a stream have, and how they are made. Thread safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "services/ingestion/delivery/delivery_unit.h"
#include "services/ingestion/delivery/table_delivery.h"
#include "services/ingestion/raw/raw_delivery.h"
#include "services/ingestion/stream/lane.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

struct UnitSpec {
  // What tells a lane's units apart: of a table, its name; kRawUnit (raw_copy_lanes.h) of raw
  // copies.
  std::string id;
  DeliveryLimits limits;
  // Since when it is there; one of another time is another unit.
  absl::Time begin;
};

class UnitFactory {
 public:
  UnitFactory(const DeliveryDependencies& dependencies, const RawDeliveryDependencies& raw)
      : deps_(dependencies), raw_(raw) {}

  // None for a replay lane whose destination the stream has no longer.
  static std::vector<UnitSpec> UnitsOf(const Stream& stream, const Lane& lane);

  std::unique_ptr<DeliveryUnit> Make(const Lane& lane, const UnitSpec& spec) const;

  // Removes what units keep beside the log, of a stream that was deleted or of one unit that has
  // ended.
  void RemoveState(std::string_view stream_uid) const;
  void RemoveState(const Lane& lane, std::string_view unit_id) const;

 private:
  const DeliveryDependencies deps_;
  const RawDeliveryDependencies raw_;
};

}  // namespace tarn::ingestion
