// Reads a segment of the log (or any file of frames) from its beginning, over damage where there is
// some, and also while somebody writes to its end. It changes nothing, and holds one frame at a
// time in memory. What the disk cannot read is damage like any other. Blocking; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/wal/wal_format.h"

namespace tarn::wal {

struct DamagedRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct SegmentScan {
  // The end of the last whole frame; what follows is a torn tail (or damage that reaches the end).
  uint64_t sound_bytes = 0;
  uint64_t file_bytes = 0;
  // Ranges with whole frames after them.
  std::vector<DamagedRange> damaged;
  // Where the last write that left a whole frame began, to kWriteUnitBytes: what stands before was
  // flushed before that write.
  uint64_t last_write = 0;

  // Where the first gap in what may never have been flushed begins; sound_bytes without one. In the
  // newest segment, nothing from there on was acknowledged (docs/formats/wal.md).
  uint64_t torn_from() const;
};

// A frame and where it begins. The body lives as long as the call.
using FrameVisitor =
    std::function<void(const FrameHeader& header, std::string_view body, uint64_t offset)>;

// Calls `visit` for every whole frame, in order. Errors: those of opening the file alone.
absl::StatusOr<SegmentScan> ScanSegment(const std::filesystem::path& path,
                                        const FrameVisitor& visit);

// The whole frames at the beginning, up to the first for which `visit` returns false, or to damage.
absl::Status ReadBeginning(
    const std::filesystem::path& path,
    const std::function<bool(const FrameHeader& header, std::string_view body)>& visit);

struct FrameContent {
  FrameHeader header;
  std::shared_ptr<const std::string> body;
};

// One frame, verified again. DATA_LOSS (WAL_DAMAGED) when it no longer reads as it did.
absl::StatusOr<FrameContent> ReadFrame(const std::filesystem::path& path, uint64_t offset);

}  // namespace tarn::wal
