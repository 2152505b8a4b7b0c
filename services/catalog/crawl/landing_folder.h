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
#include "services/catalog/crawl/path_filter.h"
#include "services/catalog/crawl/text_encoding.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct LandingFile {
  std::string path;   // relative to the lake's root
  std::string below;  // relative to the folder: "dt=2019-12-21/a.json"
  int64_t byte_count = 0;
  absl::Time modify_time;  // in microseconds, as PostgreSQL keeps it
  PartitionTuple partition;
  // How many folders on its way name no partition themselves.
  size_t unnamed_folders = 0;
};

// All files below `folder` (relative to the lake's root) that `filter` does not exclude, ordered by
// path; none when there is no such folder. Folders that are not of the form name=value are, from
// the outermost on, values of `partition_columns`. Symbolic links are not followed.
// FAILED_PRECONDITION FILE_IO when it cannot be read.
absl::StatusOr<std::vector<LandingFile>> ListLandingFiles(
    const lake::LakePaths& lake, const std::string& folder, const PathFilter& filter,
    const std::vector<std::string>& partition_columns);

// The values that the folders of `below` (a path relative to the landing folder) stand for.
PartitionTuple PartitionsOf(const std::string& below,
                            const std::vector<std::string>& partition_columns,
                            size_t& unnamed_folders);

// Looks into the file, unpacked and decoded; its name counts only where the content leaves it open.
// Text that is neither JSON nor XML is CSV. INVALID_ARGUMENT FORMAT_NOT_SUPPORTED for archives.
absl::StatusOr<FileFormat> DetectFormat(const std::string& absolute_path, TextEncoding encoding);

std::string FormatName(FileFormat format);

}  // namespace tarn::catalog
