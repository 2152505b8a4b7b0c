#include "services/cli/wal_view.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/wal/wal_folder.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using wal::FrameHeader;
using wal::FrameType;

void CountStream(WalView& view, const FrameHeader& header, const wal::BatchBody& batch) {
  WalStreamView& stream = view.streams[batch.key.stream_uid];
  stream.workspace = batch.key.workspace;
  ++stream.batches;
  stream.records += header.record_count;
  if (header.record_count > 0) {
    stream.first_position = std::min(stream.first_position, header.first_position);
  }
  stream.next_position =
      std::max(stream.next_position, header.first_position + header.record_count);
  if (!batch.key.producer_id.empty()) stream.producers.insert(batch.key.producer_id);
}

void CountNames(WalView& view, const FrameHeader& header, std::string_view body) {
  if (header.type == FrameType::kPositions) {
    if (const auto positions = wal::DecodePositionsBody(body)) {
      for (const wal::StreamPosition& position : *positions) {
        WalStreamView& stream = view.streams[position.stream_uid];
        stream.workspace = position.workspace;
        stream.next_position = std::max(stream.next_position, position.next_position);
      }
    }
  } else if (header.type == FrameType::kProducers) {
    if (const auto producers = wal::DecodeProducersBody(body)) {
      for (const wal::ProducerPosition& producer : *producers) {
        WalStreamView& stream = view.streams[producer.stream_uid];
        stream.workspace = producer.workspace;
        stream.producers.insert(producer.producer_id);
      }
    }
  }
}

absl::StatusOr<WalFileView> ViewFile(const fs::path& path, WalView& view,
                                     const WalFrameVisitor& visit) {
  WalFileView file;
  file.path = path;
  TARN_ASSIGN_OR_RETURN(
      file.scan, wal::ScanSegment(
                     path, [&](const FrameHeader& header, std::string_view body, uint64_t offset) {
                       std::optional<wal::BatchBody> batch;
                       if (header.type == FrameType::kBatch || header.type == FrameType::kRecords) {
                         batch = wal::DecodeBatchBody(header, body);
                       }
                       visit(path, offset, header, body, batch ? &*batch : nullptr);
                       file.first = std::min(file.first, header.time);
                       file.last = std::max(file.last, header.time);
                       CountNames(view, header, body);
                       if (!batch) return;
                       ++file.batches;
                       file.records += header.record_count;
                       CountStream(view, header, *batch);
                     }));
  return file;
}

}  // namespace

absl::StatusOr<WalView> ViewWal(const fs::path& folder, const WalFrameVisitor& visit) {
  WalView view;
  view.uuid = wal::ReadUuidFile(folder);
  TARN_ASSIGN_OR_RETURN(const auto segments, wal::NumberedFiles(folder, wal::kSegmentSuffix));
  TARN_ASSIGN_OR_RETURN(auto others, wal::NumberedFiles(folder, wal::kRequestsSuffix));
  std::error_code code;
  if (fs::exists(folder / wal::kPositionsFile, code)) {
    others.push_back({0, folder / wal::kPositionsFile});
  }
  if (segments.empty() && others.empty() && view.uuid.empty()) {
    return NotFound("WAL_NOT_FOUND", folder.string() +
                                         " holds no write-ahead log; it is the folder wal in the "
                                         "state path of ingestion");
  }
  // What a running server has removed since the folder was listed is no longer a part of the log.
  for (const wal::NumberedFile& file : segments) {
    absl::StatusOr<WalFileView> seen = ViewFile(file.path, view, visit);
    if (seen.ok()) {
      view.segments.push_back(*std::move(seen));
    } else if (!absl::IsNotFound(seen.status())) {
      return seen.status();
    }
  }
  const WalFrameVisitor ignore = [](const auto&...) {};
  for (const wal::NumberedFile& file : others) {
    absl::StatusOr<WalFileView> seen = ViewFile(file.path, view, ignore);
    if (seen.ok()) {
      view.others.push_back(*std::move(seen));
    } else if (!absl::IsNotFound(seen.status())) {
      return seen.status();
    }
  }
  return view;
}

absl::StatusOr<WalView> ViewWalFile(const fs::path& path, const WalFrameVisitor& visit) {
  WalView view;
  TARN_ASSIGN_OR_RETURN(view.segments.emplace_back(), ViewFile(path, view, visit));
  return view;
}

std::vector<WalDamage> DamageOf(const WalView& view) {
  std::vector<WalDamage> damage;
  const auto add = [&](const WalFileView& file, bool is_newest) {
    for (const wal::DamagedRange& range : file.scan.damaged) {
      if (is_newest && range.offset >= file.scan.torn_from()) break;
      damage.push_back({file.path, range.offset, range.bytes});
    }
    const uint64_t tail = file.scan.file_bytes - file.scan.sound_bytes;
    if (!is_newest && tail > 0) damage.push_back({file.path, file.scan.sound_bytes, tail});
  };
  for (const WalFileView& file : view.segments) add(file, &file == &view.segments.back());
  for (const WalFileView& file : view.others) add(file, false);
  return damage;
}

uint64_t OpenTailOf(const WalView& view) {
  if (view.segments.empty()) return 0;
  const wal::SegmentScan& scan = view.segments.back().scan;
  return scan.file_bytes - scan.torn_from();
}

}  // namespace tarn::cli
