// Where everything lies in the lake. Paths are made and stored relative to the lake's root, with
// '/' between segments and without one at the end; names that are not plain are percent-encoded, so
// no name can lead out of its place. Values; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::lake {

// INVALID_ARGUMENT INVALID_PATH for an absolute path, an empty one, an empty segment, "." or "..",
// control characters, text that is not UTF-8, a segment over 255 bytes or a path over 4,000.
absl::Status ValidateRelativePath(std::string_view path);

class LakePaths {
 public:
  // `root` must be an existing folder; it is resolved once (symbolic links above the lake are
  // fine). FAILED_PRECONDITION LAKE_NOT_FOUND otherwise.
  static absl::StatusOr<LakePaths> Open(const std::filesystem::path& root);

  const std::filesystem::path& root() const { return root_; }

  // Files as they were put there.
  static std::string Landing(std::string_view workspace, std::string_view database,
                             std::string_view table);
  // Records as they arrived, of one stream name, and in it the folder of `time`'s hour (UTC).
  static std::string RawStream(std::string_view workspace, std::string_view stream);
  static std::string Raw(std::string_view workspace, std::string_view stream, absl::Time time);
  // A managed table: <table>-<first 8 of uuid>, below it data and staging.
  static std::string Table(std::string_view workspace, std::string_view database,
                           std::string_view table, std::string_view table_uuid);
  static std::string TableData(std::string_view workspace, std::string_view database,
                               std::string_view table, std::string_view table_uuid);
  // Where one writer puts files before it publishes them: on the same file system as the data. What
  // is left here by a dead writer is garbage.
  static std::string TableStaging(std::string_view workspace, std::string_view database,
                                  std::string_view table, std::string_view table_uuid,
                                  std::string_view writer_id);
  // XML and text made readable as Parquet.
  static std::string Derived(std::string_view workspace);
  // A query's results, by its day (UTC).
  static std::string Results(std::string_view workspace, absl::Time day, std::string_view query_id);
  static std::string Archive(std::string_view workspace);

  // The absolute path of a path that we made ourselves; checked as text only, without looking at
  // the disk. INVALID_ARGUMENT INVALID_PATH.
  absl::StatusOr<std::filesystem::path> Join(std::string_view relative) const;
  // The absolute path of a path from elsewhere, symbolic links resolved; what does not exist yet is
  // allowed at its end. INVALID_ARGUMENT INVALID_PATH; PERMISSION_DENIED PATH_OUTSIDE_LAKE where a
  // symbolic link leads out.
  absl::StatusOr<std::filesystem::path> ToAbsolute(std::string_view relative) const;
  // The opposite, symbolic links resolved as well. PERMISSION_DENIED PATH_OUTSIDE_LAKE.
  absl::StatusOr<std::string> ToRelative(const std::filesystem::path& absolute) const;

 private:
  explicit LakePaths(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;  // canonical
};

}  // namespace tarn::lake
