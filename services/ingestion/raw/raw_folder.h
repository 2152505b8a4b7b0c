// Where the raw copies of one stream name lie, hour by hour. A value; any thread; reads the disk.
// Errors: INTERNAL FILE_IO and the like where a folder cannot be read; one that is not there is
// empty.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lake/lake_paths.h"
#include "services/ingestion/raw/raw_file.h"

namespace tarn::ingestion {

struct RawFile {
  RawFileName name;
  std::filesystem::path path;
};

class RawFolder {
 public:
  RawFolder(const lake::LakePaths& lake, std::string_view workspace, std::string_view stream);

  // The folder of the hour in which `arrival` lies.
  std::filesystem::path HourFolder(absl::Time arrival) const;
  // The files of one stream in that hour, by log and range.
  absl::StatusOr<std::vector<RawFile>> FilesOfHour(absl::Time arrival,
                                                   std::string_view stream_uid) const;
  // The same, and what writers that were killed left of such files.
  absl::StatusOr<std::vector<std::filesystem::path>> EverythingOfHour(
      absl::Time arrival, std::string_view stream_uid) const;
  // Calls `visit` with the begin of each hour that has a folder, the oldest first, until it returns
  // false.
  absl::Status VisitHours(const std::function<bool(absl::Time hour)>& visit) const;
  // Removes the folder of an hour, and those above it, where nothing is in them any more.
  void RemoveEmptyFolders(absl::Time hour) const;

 private:
  const std::filesystem::path root_;  // <lake>/<workspace>/raw/<stream>
};

// The begin of the hour in which `time` lies (UTC).
absl::Time HourOf(absl::Time time);

}  // namespace tarn::ingestion
