#include "services/ingestion/delivery/unit_factory.h"

#include <filesystem>
#include <system_error>

#include "services/ingestion/raw/raw_copy_lanes.h"

namespace tarn::ingestion {

std::vector<UnitSpec> UnitFactory::UnitsOf(const Stream& stream, const Lane& lane) {
  std::vector<UnitSpec> units;
  for (const v1::Destination& destination : DestinationsOf(stream.definition)) {
    if (lane.kind == LaneKind::kReplay &&
        ReplayLane(stream.uid, destination.table()).key != lane.key) {
      continue;
    }
    units.push_back({.id = destination.table(),
                     .limits = LimitsOf(stream, lane),
                     .begin = BeginOf(destination)});
  }
  if (stream.definition.has_raw_copy() && IsCopied(lane)) {
    units.push_back({.id = kRawUnit,
                     .limits = {.max_bytes = kRawBatchBytes, .max_delay = kRawMaxDelay},
                     .begin = absl::InfinitePast()});
  }
  return units;
}

std::unique_ptr<DeliveryUnit> UnitFactory::Make(const Lane& lane, const UnitSpec& spec) const {
  if (spec.id == kRawUnit) return std::make_unique<RawDelivery>(raw_, lane);
  return std::make_unique<TableDelivery>(deps_, lane, spec.id);
}

void UnitFactory::RemoveState(std::string_view stream_uid) const {
  std::error_code ignored;
  std::filesystem::remove_all(deps_.seen_folder / stream_uid, ignored);
}

void UnitFactory::RemoveState(const Lane& lane, std::string_view unit_id) const {
  std::error_code ignored;
  std::filesystem::remove_all(TableDelivery::SeenFolder(deps_, lane, unit_id), ignored);
}

}  // namespace tarn::ingestion
