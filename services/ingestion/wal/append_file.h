// The end of a file that a log is written to: the seam at which tests let a disk fill up or fail.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace tarn::ingestion {

// One thread at a time. Errors as in common/lake/durable_file.h (DISK_FULL, FILE_IO).
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // Writes all pieces behind each other at the end. On an error some of them may have been written.
  virtual absl::Status Append(const std::vector<std::string_view>& pieces) = 0;
  // Returns when what was appended is on the disk.
  virtual absl::Status Sync() = 0;
  // Cuts the file to `size` bytes; the next Append follows there.
  virtual absl::Status Truncate(uint64_t size) = 0;
};

// Makes a new file, which must not exist; its folder is flushed.
using OpenAppendFile =
    std::function<absl::StatusOr<std::unique_ptr<AppendFile>>(const std::filesystem::path&)>;

absl::StatusOr<std::unique_ptr<AppendFile>> OpenPosixAppendFile(const std::filesystem::path& path);

}  // namespace tarn::ingestion
