// What tarn wal shows of a write-ahead log: its segments, the streams in it, single frames. Read
// from the disk, changing nothing, also while a server writes to it. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/wal/segment_reader.h"
#include "common/wal/wal_format.h"

namespace tarn::cli {

// One file of frames.
struct WalFileView {
  std::filesystem::path path;
  wal::SegmentScan scan;
  uint64_t batches = 0;
  uint64_t records = 0;
  absl::Time first = absl::InfiniteFuture();  // of its frames
  absl::Time last = absl::InfinitePast();
};

struct WalStreamView {
  std::string workspace;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t first_position = UINT64_MAX;  // of the records that are in the log
  uint64_t next_position = 0;
  std::set<std::string> producers;
};

struct WalView {
  std::string uuid;  // "" when it cannot be read
  std::vector<WalFileView> segments;
  std::vector<WalFileView> others;               // .requests and POSITIONS
  std::map<std::string, WalStreamView> streams;  // by uid
};

// Every whole frame of a file, before it is counted. `batch` is set of those that hold records.
using WalFrameVisitor = std::function<void(const std::filesystem::path& path, uint64_t offset,
                                           const wal::FrameHeader& header, std::string_view body,
                                           const wal::BatchBody* batch)>;

// All files of a log's folder. NOT_FOUND, WAL_NOT_FOUND when it holds none.
absl::StatusOr<WalView> ViewWal(const std::filesystem::path& folder, const WalFrameVisitor& visit);
// One file, as the only segment of a log without a UUID.
absl::StatusOr<WalView> ViewWalFile(const std::filesystem::path& path,
                                    const WalFrameVisitor& visit);

// A part of the log that does not read as it was written.
struct WalDamage {
  std::filesystem::path path;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};
std::vector<WalDamage> DamageOf(const WalView& view);
// Bytes at the end of the newest segment, from the first gap in its last write on: one that is
// going on or that never ended. Nothing of them was acknowledged.
uint64_t OpenTailOf(const WalView& view);

}  // namespace tarn::cli
