#include "services/ingestion/wal/recovery.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "common/ids/ids.h"
#include "common/lake/durable_file.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/wal/segment_reader.h"
#include "common/wal/wal_folder.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;
using wal::BatchBody;
using wal::FrameHeader;
using wal::FrameType;

class Recovery {
 public:
  Recovery(const fs::path& folder, LogState& state) : folder_(folder), state_(state) {}

  absl::StatusOr<RecoveredLog> Run(absl::Time now);

 private:
  // The next positions of all streams, as a segment tells them at its beginning.
  using Limits = std::map<std::string, uint64_t>;

  absl::Status LoadUuid();
  absl::Status LoadPositionsFile();
  absl::Status LoadRequests();
  absl::StatusOr<std::optional<Limits>> LimitsOf(const fs::path& segment) const;
  // `limits`: those of the next segment that tells any; null for the last ones.
  absl::Status LoadSegment(const wal::NumberedFile& file, const Limits* limits, bool last);
  // False: the frame is neither positions nor producers.
  bool LoadNames(const FrameHeader& header, std::string_view body);
  // Whether all that was given out until those positions has been read.
  bool ReachesTo(const Limits& limits) const;
  // Cuts off the newest segment what was never flushed, from its first gap on.
  absl::Status CutTornTail(const wal::NumberedFile& file);
  absl::Status Quarantine(const wal::NumberedFile& file, uint64_t offset, uint64_t bytes);
  // Into the folder quarantine/; the path of the copy.
  absl::StatusOr<fs::path> CopyAside(const wal::NumberedFile& file, uint64_t offset,
                                     uint64_t bytes) const;

  const fs::path& folder_;
  LogState& state_;
  std::vector<wal::NumberedFile> segments_;
  std::optional<uint64_t> damaged_segment_;  // the last one
  RecoveredLog log_;
};

absl::StatusOr<RecoveredLog> Recovery::Run(absl::Time now) {
  TARN_ASSIGN_OR_RETURN(segments_, wal::NumberedFiles(folder_, wal::kSegmentSuffix));
  TARN_RETURN_IF_ERROR(LoadUuid());
  TARN_RETURN_IF_ERROR(LoadPositionsFile());
  TARN_RETURN_IF_ERROR(LoadRequests());
  std::vector<std::optional<Limits>> limits;
  for (const wal::NumberedFile& file : segments_) {
    TARN_ASSIGN_OR_RETURN(limits.emplace_back(), LimitsOf(file.path));
  }
  for (size_t i = 0; i < segments_.size(); ++i) {
    size_t next = i + 1;
    while (next < segments_.size() && !limits[next]) ++next;
    TARN_RETURN_IF_ERROR(LoadSegment(segments_[i],
                                     next < segments_.size() ? &*limits[next] : nullptr,
                                     i + 1 == segments_.size()));
  }
  if (damaged_segment_) state_.AddLostTails(*damaged_segment_, now);
  log_.last_segment = segments_.empty() ? 0 : segments_.back().number;
  log_.report.segments = static_cast<int>(segments_.size());
  state_.requests().Purge(now);
  state_.producers().Purge(now);
  if (log_.report.torn_bytes > 0) {
    logging::Warn("ingestion", "cut the torn tail of the write-ahead log",
                  {{"bytes", log_.report.torn_bytes}});
  }
  if (log_.report.abandoned_batches > 0 || log_.report.abandoned_bytes > 0) {
    logging::Warn(
        "ingestion", "left out batches of the write-ahead log whose writing had failed",
        {{"batches", log_.report.abandoned_batches}, {"more_bytes", log_.report.abandoned_bytes}});
  }
  return std::move(log_);
}

absl::Status Recovery::LoadUuid() {
  log_.uuid = wal::ReadUuidFile(folder_);
  if (!log_.uuid.empty()) return absl::OkStatus();
  // Segments carry it as well, and the positions that were set aside.
  std::vector<fs::path> sources = {folder_ / wal::kPositionsFile};
  for (const wal::NumberedFile& file : segments_) sources.push_back(file.path);
  for (const fs::path& source : sources) {
    if (!log_.uuid.empty() || !fs::exists(source)) continue;
    TARN_RETURN_IF_ERROR(
        wal::ReadBeginning(source, [&](const FrameHeader& header, std::string_view body) {
          if (header.type == FrameType::kSegment && IsUuid(body)) log_.uuid = std::string(body);
          return false;
        }));
  }
  if (log_.uuid.empty() && !segments_.empty()) {
    // Under another UUID all that is delivered would be delivered again.
    return MakeError(
        absl::StatusCode::kDataLoss, "WAL_DAMAGED",
        absl::StrCat("the UUID of the write-ahead log in ", folder_.string(),
                     " cannot be read, neither in the file LOG nor in a segment; put back LOG (its "
                     "text is in the service's log and in ingestion.logs in PostgreSQL), or move "
                     "the folder away to begin a new log without the records in this one"));
  }
  if (log_.uuid.empty()) log_.uuid = NewUuid();
  return lake::WriteFileDurably(folder_ / wal::kUuidFile, log_.uuid + "\n", 0600);
}

absl::Status Recovery::LoadPositionsFile() {
  const fs::path path = folder_ / wal::kPositionsFile;
  if (!fs::exists(path)) return absl::OkStatus();
  return wal::ScanSegment(path, [&](const FrameHeader& header, std::string_view body,
                                    uint64_t) { LoadNames(header, body); })
      .status();
}

bool Recovery::LoadNames(const FrameHeader& header, std::string_view body) {
  if (header.type == FrameType::kPositions) {
    if (const auto positions = wal::DecodePositionsBody(body)) state_.AddPositions(*positions);
    return true;
  }
  if (header.type == FrameType::kProducers) {
    if (const auto producers = wal::DecodeProducersBody(body)) state_.AddProducers(*producers);
    return true;
  }
  return false;
}

absl::Status Recovery::LoadRequests() {
  TARN_ASSIGN_OR_RETURN(const auto files, wal::NumberedFiles(folder_, wal::kRequestsSuffix));
  for (const wal::NumberedFile& file : files) {
    TARN_RETURN_IF_ERROR(
        wal::ScanSegment(file.path, [&](const FrameHeader& header, std::string_view body,
                                        uint64_t) {
          if (header.type != FrameType::kRequest) return;
          if (const std::optional<BatchBody> request = wal::DecodeBatchBody(header, body)) {
            state_.requests().Add(request->key, {.request_hash = request->key.request_hash,
                                                 .first_position = header.first_position,
                                                 .record_count = header.record_count,
                                                 .time = header.time});
          }
        }).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Recovery::Limits>> Recovery::LimitsOf(const fs::path& segment) const {
  std::optional<Limits> limits;
  TARN_RETURN_IF_ERROR(
      wal::ReadBeginning(segment, [&](const FrameHeader& header, std::string_view body) {
        if (header.type == FrameType::kPositions) {
          if (const auto positions = wal::DecodePositionsBody(body)) {
            limits.emplace();
            for (const auto& position : *positions) {
              limits->emplace(position.stream_uid, position.next_position);
            }
          }
        }
        return header.type == FrameType::kSegment;
      }));
  return limits;
}

bool Recovery::ReachesTo(const Limits& limits) const {
  return std::all_of(limits.begin(), limits.end(), [&](const auto& limit) {
    return state_.NextPosition(limit.first) >= limit.second;
  });
}

absl::Status Recovery::LoadSegment(const wal::NumberedFile& file, const Limits* limits, bool last) {
  if (last) TARN_RETURN_IF_ERROR(CutTornTail(file));
  state_.AddSegment(file.number);
  WalOpenReport& report = log_.report;
  FrameType previous = FrameType::kRecords;
  auto scan = wal::ScanSegment(file.path, [&](const FrameHeader& header, std::string_view body,
                                              uint64_t offset) {
    if (header.type == FrameType::kPositions && previous == FrameType::kSegment) {
      state_.SetHasPositions(file.number);
    }
    previous = header.type;
    if (LoadNames(header, body)) return;
    if (header.type != FrameType::kBatch && header.type != FrameType::kRecords) return;
    const std::optional<BatchBody> batch = wal::DecodeBatchBody(header, body);
    if (!batch) return;
    if (limits != nullptr) {
      // What the next segment did not know of was written in vain, and not cut off.
      const auto limit = limits->find(batch->key.stream_uid);
      if (limit != limits->end() && header.first_position + header.record_count > limit->second) {
        ++report.abandoned_batches;
        return;
      }
    }
    ++report.batches;
    report.records += header.record_count;
    state_.AddBatch(batch->key, header.payload_crc,
                    {.first_position = header.first_position,
                     .record_count = header.record_count,
                     .body_bytes = header.body_bytes,
                     .segment = file.number,
                     .offset = offset,
                     .time = header.time,
                     .records = nullptr});
  });
  TARN_RETURN_IF_ERROR(scan.status());
  for (const wal::DamagedRange& range : scan->damaged) {
    TARN_RETURN_IF_ERROR(Quarantine(file, range.offset, range.bytes));
  }
  state_.SetSegmentBytes(file.number, scan->sound_bytes);
  const uint64_t tail = scan->file_bytes - scan->sound_bytes;
  if (tail > 0 && (limits == nullptr || !ReachesTo(*limits))) {
    return Quarantine(file, scan->sound_bytes, tail);
  }
  // Nothing is missing: it is what a failed cut left behind.
  report.abandoned_bytes += tail;
  return last ? lake::FsyncFile(file.path) : absl::OkStatus();
}

absl::Status Recovery::CutTornTail(const wal::NumberedFile& file) {
  TARN_ASSIGN_OR_RETURN(const wal::SegmentScan scan,
                        wal::ScanSegment(file.path, [](const auto&...) {}));
  const uint64_t torn = scan.file_bytes - scan.torn_from();
  if (torn == 0) return absl::OkStatus();
  if (scan.torn_from() < scan.sound_bytes) {
    // Whole batches stand behind the gap. Should the disk have spoilt what it once had flushed,
    // then somebody may want them.
    TARN_RETURN_IF_ERROR(CopyAside(file, scan.torn_from(), torn).status());
  }
  log_.report.torn_bytes += torn;
  if (::truncate(file.path.c_str(), static_cast<off_t>(scan.torn_from())) != 0) {
    return lake::FileError(errno, "truncate", file.path);
  }
  return absl::OkStatus();
}

absl::Status Recovery::Quarantine(const wal::NumberedFile& file, uint64_t offset, uint64_t bytes) {
  TARN_ASSIGN_OR_RETURN(const fs::path copy, CopyAside(file, offset, bytes));
  damaged_segment_ = file.number;
  log_.report.damaged_bytes += bytes;
  log_.report.quarantined.push_back(copy.string());
  logging::Error("ingestion",
                 "a part of the write-ahead log is damaged; it was copied aside, and the records "
                 "in it are listed among the dead letters as WAL_DAMAGED",
                 {{"segment", file.path.string()},
                  {"offset", offset},
                  {"bytes", bytes},
                  {"copy", copy.string()}});
  return absl::OkStatus();
}

absl::StatusOr<fs::path> Recovery::CopyAside(const wal::NumberedFile& file, uint64_t offset,
                                             uint64_t bytes) const {
  const fs::path folder = folder_ / wal::kQuarantineFolder;
  fs::path copy = folder / absl::StrFormat("%016x-%d-%d.bin", file.number, offset, bytes);
  if (fs::exists(copy)) return copy;
  std::ifstream in(file.path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string content(bytes, '\0');
  in.read(content.data(), static_cast<std::streamsize>(bytes));
  content.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folder));
  // The copy is for people to look at: a full disk must not keep the log from being opened.
  if (absl::Status kept = lake::WriteFileDurably(copy, content, 0600); !kept.ok()) {
    logging::Error("ingestion", "a part of the write-ahead log could not be copied aside", kept);
  }
  return copy;
}

}  // namespace

absl::StatusOr<RecoveredLog> RecoverLog(const fs::path& folder, absl::Time now, LogState& state) {
  return Recovery(folder, state).Run(now);
}

}  // namespace tarn::ingestion
