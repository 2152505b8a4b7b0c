// Kept results: one file of JSON rows for each query, under the workspace's results in the lake, by
// day. Thread safe.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/lake/lake_paths.h"

namespace tarn::query {

class ResultStore {
 public:
  explicit ResultStore(lake::LakePaths lake) : lake_(std::move(lake)) {}

  // Takes a result's rows in order; what is not committed is removed.
  class Writer {
   public:
    ~Writer();
    absl::Status Append(std::string_view rows);
    // Flushes and gives the file its name.
    absl::Status Commit();

   private:
    friend class ResultStore;
    Writer(std::filesystem::path temporary, std::filesystem::path final_path);
    const std::filesystem::path temporary_;
    const std::filesystem::path final_;
    int fd_ = -1;
  };

  absl::StatusOr<std::unique_ptr<Writer>> Create(const std::string& workspace, absl::Time day,
                                                 const std::string& query_id) const;

  // Calls `on_rows` with whole JSON rows (each ended by a newline) from row `skip` on, `max_rows`
  // at the most (0 for all), in batches of about 256 KiB. NOT_FOUND (RESULT_EXPIRED) when the
  // result is no longer kept.
  absl::Status Read(
      const std::string& workspace, absl::Time day, const std::string& query_id, int64_t skip,
      int64_t max_rows,
      const std::function<absl::Status(std::string rows, int64_t count)>& on_rows) const;

  // Removes results of days before `time`, of all workspaces; ends between two days once `stop` is
  // set.
  void RemoveBefore(absl::Time time, const std::atomic<bool>& stop) const;

 private:
  absl::StatusOr<std::filesystem::path> FolderOf(const std::string& workspace, absl::Time day,
                                                 const std::string& query_id) const;
  const lake::LakePaths lake_;
};

}  // namespace tarn::query
