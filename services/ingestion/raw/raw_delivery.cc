#include "services/ingestion/raw/raw_delivery.h"

#include <filesystem>
#include <utility>

#include "common/failpoint/failpoint.h"
#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {

RawDelivery::RawDelivery(const RawDeliveryDependencies& dependencies, Lane lane)
    : deps_(dependencies), lane_(std::move(lane)), log_id_(LogIdOf(deps_.wal.uuid(), lane_.key)) {}

std::optional<uint64_t> RawDelivery::position() const {
  if (!resumed_) return std::nullopt;
  return position_;
}

std::vector<RawDelivery::Run> RawDelivery::DivideByHour(const WalRecords& batch) {
  std::vector<Run> runs;
  for (const WalRecord& record : batch.records) {
    if (record.lost) continue;
    const absl::Time hour = HourOf(record.time);
    if (runs.empty() || runs.back().hour != hour) runs.push_back({hour, {}});
    runs.back().records.push_back(&record);
  }
  return runs;
}

absl::StatusOr<bool> RawDelivery::DeliverBatch(const Stream& stream) {
  if (!resumed_) {
    TARN_ASSIGN_OR_RETURN(
        position_,
        deps_.store.Resume(deps_.lease, lane_.stream_uid, log_id_, deps_.wal.uuid(),
                           [&](absl::Time time) { return deps_.wal.PositionAt(lane_.key, time); }));
    deps_.wal.ReservePositions(stream.workspace, lane_.key, position_);
    resumed_ = true;
    may_be_published_ = true;
  }
  TARN_ASSIGN_OR_RETURN(const WalRecords batch,
                        deps_.wal.Read(lane_.key, position_, kRawBatchBytes));
  if (batch.records.empty()) return false;
  const RawFolder folder(deps_.lake, stream.workspace, stream.id);
  for (const Run& run : DivideByHour(batch)) {
    if (may_be_published_) {
      TARN_ASSIGN_OR_RETURN(const uint64_t end, FindPublished(folder, *run.records.front()));
      if (end > 0) {
        TARN_RETURN_IF_ERROR(Advance(end));
        return true;
      }
      may_be_published_ = false;
    }
    if (absl::Status written = Write(folder, run); !written.ok()) {
      // It may have its name although something failed after that.
      may_be_published_ = true;
      return Annotate(written, "writing raw copies");
    }
  }
  const WalRecord& last = batch.records.back();
  if (position_ <= last.position) TARN_RETURN_IF_ERROR(Advance(last.position + 1));
  return true;
}

absl::StatusOr<uint64_t> RawDelivery::FindPublished(const RawFolder& folder,
                                                    const WalRecord& first) const {
  TARN_ASSIGN_OR_RETURN(const std::vector<RawFile> files,
                        folder.FilesOfHour(first.time, lane_.stream_uid));
  for (const RawFile& file : files) {
    if (file.name.log_id == log_id_ && file.name.from == first.position) return file.name.to;
  }
  return 0;
}

absl::Status RawDelivery::Write(const RawFolder& folder, const Run& run) {
  const WalRecord& last = *run.records.back();
  const RawFileName name{lane_.stream_uid, log_id_, run.records.front()->position,
                         last.position + 1};
  const std::filesystem::path hour = folder.HourFolder(run.hour);
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(hour));
  TARN_ASSIGN_OR_RETURN(RawFileWriter file, RawFileWriter::Create(hour / name.ToString()));
  for (const WalRecord* record : run.records) {
    TARN_RETURN_IF_ERROR(file.Append({record->time, log_id_, record->position, record->payload}));
  }
  TARN_FAILPOINT("ingestion.raw.before_publish");
  TARN_ASSIGN_OR_RETURN(const int64_t bytes, file.Commit());
  deps_.metrics.files.Increment();
  deps_.metrics.bytes.Increment(static_cast<double>(bytes));
  deps_.metrics.records.Increment(static_cast<double>(run.records.size()));
  return Advance(last.position + 1);
}

absl::Status RawDelivery::Advance(uint64_t to) {
  TARN_RETURN_IF_FAILPOINT("ingestion.raw.before_position");
  if (absl::Status stored =
          deps_.store.SetPosition(deps_.lease, lane_.stream_uid, log_id_, position_, to);
      !stored.ok()) {
    resumed_ = false;
    return Annotate(stored, "storing the position of raw copies");
  }
  position_ = to;
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
