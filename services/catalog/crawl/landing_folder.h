// The files that lie in a landing folder, and what they are by their content. Hidden files and
// those whose name begins with an underscore (markers of other systems) do not count, nor do empty
// ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lake/lake_paths.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct LandingFile {
  std::string path;   // relative to the lake's root
  std::string below;  // relative to the folder: "dt=2019-12-21/a.json"
  int64_t byte_count = 0;
  absl::Time modify_time;  // in microseconds, as PostgreSQL keeps it
  PartitionTuple partition;
};

// All files below `folder` (relative to the lake's root), ordered by path; none when there is no
// such folder. Symbolic links are not followed. FAILED_PRECONDITION FILE_IO when it cannot be read.
absl::StatusOr<std::vector<LandingFile>> ListLandingFiles(const lake::LakePaths& lake,
                                                          const std::string& folder);

// Looks into the file; its name counts only where the content leaves it open. Text that is neither
// JSON nor XML is CSV. INVALID_ARGUMENT FORMAT_NOT_SUPPORTED for compressed files.
absl::StatusOr<FileFormat> DetectFormat(const std::string& absolute_path);

std::string FormatName(FileFormat format);

}  // namespace tarn::catalog
