#include "services/ingestion/reprocess/log_watch.h"

#include <optional>
#include <string>
#include <vector>

#include "common/status/status_macros.h"
#include "services/ingestion/raw/raw_copy_lanes.h"
#include "services/ingestion/wal/log_id.h"

namespace tarn::ingestion {
namespace {

constexpr absl::Duration kSeenPause = absl::Seconds(10);

}  // namespace

absl::Status LogWatch::Look() {
  if (const absl::Time now = clock_.Now(); now >= seen_ + kSeenPause || now < seen_) {
    TARN_RETURN_IF_ERROR(store_.SetSeen(lease_));
    seen_ = now;
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<ReprocessJob> jobs, store_.ListWaiting());
  for (const ReprocessJob& job : jobs) TARN_RETURN_IF_ERROR(Answer(job));
  return absl::OkStatus();
}

absl::Status LogWatch::Answer(const ReprocessJob& job) {
  TARN_ASSIGN_OR_RETURN(const auto answers, store_.Confirmations(job.id));
  for (const std::string& lane : CopiedLaneKeys(job.stream_uid)) {
    const std::string log_id = LogIdOf(wal_.uuid(), lane);
    bool is_answered = false;
    for (const auto& answer : answers) is_answered |= answer.log_id == log_id;
    if (is_answered) continue;
    TARN_ASSIGN_OR_RETURN(const std::optional<uint64_t> position, FindPosition(job, lane));
    if (position) TARN_RETURN_IF_ERROR(store_.Confirm(lease_, job.id, log_id, *position));
  }
  // Not to wait for buffers to fill, those of dead letters that were put back among them. That it
  // takes time is known.
  if (const StreamPtr stream = registry_.FindByUid(job.stream_uid)) {
    scheduler_.Flush(*stream, absl::ZeroDuration(), [] { return false; }).IgnoreError();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint64_t>> LogWatch::FindPosition(const ReprocessJob& job,
                                                               const std::string& lane) {
  // What comes from now on is not of the range, should the clock go back too. That first, then the
  // log, then the store: what is out of the log by then, the store knows.
  if (!wal_.StampFrom(job.range_end)) return std::nullopt;
  const uint64_t end = wal_.EndBefore(lane, job.range_end);
  const bool is_empty = wal_.Backlog(lane).bytes == 0;
  TARN_ASSIGN_OR_RETURN(
      const ReprocessStore::CopiedState state,
      store_.Copied(job.stream_uid, LogIdOf(wal_.uuid(), lane), job.destinations));
  const uint64_t copied = state.raw_position.value_or(0);
  if (is_empty) return copied;
  if (copied < end) return std::nullopt;
  if (!state.delivered_position || *state.delivered_position < copied) return std::nullopt;
  return copied;
}

}  // namespace tarn::ingestion
