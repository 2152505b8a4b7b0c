#include "services/ingestion/raw/raw_retention.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "common/lake/durable_file.h"
#include "common/logging/logging.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {

namespace fs = std::filesystem;

absl::Status RawRetention::RemoveHour(const RawFolder& folder, absl::Time hour,
                                      std::string_view stream_uid, Removed& removed) const {
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> files,
                        folder.EverythingOfHour(hour, stream_uid));
  for (const fs::path& path : files) {
    std::error_code error;
    const auto bytes = fs::file_size(path, error);
    const bool is_copy = RawFileName::Parse(path.filename().string()).has_value();
    if (!fs::remove(path, error)) {
      if (error) return lake::FileError(error.value(), "remove", path);
      continue;  // another instance was faster
    }
    if (!is_copy) continue;
    ++removed.files;
    removed.bytes += static_cast<int64_t>(bytes);
  }
  folder.RemoveEmptyFolders(hour);
  return absl::OkStatus();
}

absl::Status RawRetention::Remove(const RawCopyStore::Kept& stream, absl::Time horizon,
                                  std::string_view why) {
  const RawFolder folder(lake_, stream.workspace, stream.stream_id);
  std::vector<absl::Time> hours;
  TARN_RETURN_IF_ERROR(folder.VisitHours([&](absl::Time hour) {
    if (hour + absl::Hours(1) > horizon) return false;
    hours.push_back(hour);
    return true;
  }));
  Removed removed;
  absl::Status status;
  for (const absl::Time hour : hours) status.Update(RemoveHour(folder, hour, stream.uid, removed));
  if (removed.files == 0) return status;
  metrics_.files_removed.Increment(static_cast<double>(removed.files));
  logging::Info("ingestion", "raw copies were removed",
                {{"workspace", stream.workspace},
                 {"stream", "streams/" + stream.stream_id},
                 {"files", removed.files},
                 {"bytes", removed.bytes},
                 {"why", why}});
  status.Update(
      store_.Removed(stream.workspace, stream.stream_id, removed.files, removed.bytes, why));
  return status;
}

absl::Status RawRetention::Run() {
  absl::Status status;
  TARN_ASSIGN_OR_RETURN(const std::vector<RawCopyStore::Kept> kept, store_.ListKept());
  for (const RawCopyStore::Kept& stream : kept) {
    const absl::StatusOr<absl::Time> horizon = store_.Expire(stream, clock_.Now());
    status.Update(horizon.ok() ? Remove(stream, *horizon, "retention") : horizon.status());
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<RawCopyStore::Kept> buried, store_.ListBuried());
  for (const RawCopyStore::Kept& stream : buried) {
    absl::Status removed = Remove(stream, absl::InfiniteFuture(), "stream deleted");
    if (removed.ok()) removed = store_.Forget(stream.uid);
    status.Update(removed);
  }
  return status;
}

}  // namespace tarn::ingestion
