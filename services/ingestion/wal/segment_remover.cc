#include "services/ingestion/wal/segment_remover.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>

#include "common/failpoint/failpoint.h"
#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/wal/segment_reader.h"
#include "common/wal/wal_folder.h"
#include "services/ingestion/wal/segment_writer.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using wal::FrameHeader;
using wal::FrameType;

// An hour more than most of the ids are kept.
constexpr auto kRequestsFileAge = std::chrono::hours(25);

}  // namespace

void SegmentRemover::EnsureReserve() {
  const fs::path path = folder_ / wal::kReserveFile;
  std::error_code code;
  const auto size = fs::file_size(path, code);
  if (reserve_bytes_ <= 0 || (!code && size >= static_cast<uintmax_t>(reserve_bytes_))) return;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(reserve_bytes_));
  ::close(fd);
  if (error != 0) fs::remove(path, code);
}

absl::Status SegmentRemover::WriteDurably(const fs::path& path, std::string_view content) {
  absl::Status status = lake::WriteFileDurably(path, content, 0600);
  if (ErrorReason(status) != "DISK_FULL") return status;
  std::error_code code;
  if (!fs::remove(folder_ / wal::kReserveFile, code)) return status;
  return lake::WriteFileDurably(path, content, 0600);
}

absl::Status SegmentRemover::WritePositions(const std::string& uuid, const LogSnapshot& snapshot,
                                            absl::Time now) {
  std::string content = wal::EncodeFrame({.type = FrameType::kSegment, .time = now}, uuid);
  for (const std::string& frame : SnapshotFrames(snapshot, now)) content += frame;
  return WriteDurably(folder_ / wal::kPositionsFile, content);
}

absl::Status SegmentRemover::Remove(
    uint64_t number, bool has_requests, absl::Time now,
    const std::function<bool(const wal::BatchKey& key, uint64_t first_position)>& is_known) {
  const fs::path path = wal::NumberedPath(folder_, number, wal::kSegmentSuffix);
  if (has_requests) {
    std::string kept;
    auto scan =
        wal::ScanSegment(path, [&](const FrameHeader& header, std::string_view body, uint64_t) {
          if (header.type != FrameType::kBatch && header.type != FrameType::kRecords) return;
          const std::optional<wal::BatchBody> batch = wal::DecodeBatchBody(header, body);
          if (!batch || batch->key.request_id.empty()) return;
          if (header.time + RetentionOf(batch->key.request_id) < now) return;
          // What a failed write left behind was never stored.
          if (!is_known(batch->key, header.first_position)) return;
          kept += wal::EncodeFrame({.type = FrameType::kRequest,
                                    .first_position = header.first_position,
                                    .record_count = header.record_count,
                                    .time = header.time},
                                   wal::EncodeRequestBody(batch->key));
        });
    TARN_RETURN_IF_ERROR(scan.status());
    if (!kept.empty()) {
      TARN_RETURN_IF_ERROR(
          WriteDurably(wal::NumberedPath(folder_, number, wal::kRequestsSuffix), kept));
    }
  }
  TARN_FAILPOINT("ingestion.wal.before_segment_removal");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return lake::FileError(errno, "remove", path);
  return absl::OkStatus();
}

absl::Status SegmentRemover::RemoveOldRequests(absl::Time now) {
  TARN_ASSIGN_OR_RETURN(const auto files, wal::NumberedFiles(folder_, wal::kRequestsSuffix));
  for (const wal::NumberedFile& file : files) {
    std::error_code code;
    const auto written = fs::last_write_time(file.path, code);
    if (code || fs::file_time_type::clock::now() - written <= kRequestsFileAge) continue;
    // Those of replays are kept for longer; as long as there are any, this is done once a day.
    std::string kept;
    auto scan = wal::ScanSegment(
        file.path, [&](const FrameHeader& header, std::string_view body, uint64_t) {
          const std::optional<wal::BatchBody> request = wal::DecodeBatchBody(header, body);
          if (request && header.time + RetentionOf(request->key.request_id) >= now) {
            kept += wal::EncodeFrame(header, body);
          }
        });
    TARN_RETURN_IF_ERROR(scan.status());
    if (kept.empty()) {
      fs::remove(file.path, code);
    } else {
      TARN_RETURN_IF_ERROR(WriteDurably(file.path, kept));
    }
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
