// Which files an upload sends, and into which partition folders. Decided, and refused where
// something is wrong, before the first byte is sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace tarn::cli {

struct UploadItem {
  std::string path;                     // on this machine
  std::string file_name;                // without a folder
  std::vector<std::string> partitions;  // "dt=2019-12-21", outermost first
  int64_t byte_count = 0;
};

struct UploadPlan {
  std::vector<UploadItem> items;
  int64_t byte_count = 0;
  int hidden_files = 0;  // .DS_Store and the like, which are left out
};

// Files, and folders with their subfolders, which must be partitions (k=v). `partitions` come
// before those of the folders. INVALID_ARGUMENT: FILE_UNREADABLE, NO_FILES, NOT_A_PARTITION,
// DUPLICATE_FILE.
absl::StatusOr<UploadPlan> PlanUpload(const std::vector<std::string>& paths,
                                      const std::vector<std::string>& partitions);

}  // namespace tarn::cli
