// Picks up files that somebody puts into <lake>/<workspace>/drop/<database>/<table>/<k=v>/…/, by
// whatever means, and moves each into the same place below landing/ once it is whole: with its
// event, once, also across a kill (FileUploads::Publish).
//
// A file is whole when it has not changed for `settle_time`, as seen here or by its times. Hidden
// names (., _), names of copies that are under way (.part, .tmp, .filepart, .crdownload, ~) and
// symbolic links are left alone. Of instances that share the lake one looks at a time: whoever
// has the lock (flock) on <lake>/.drop.lock.
//
// Start and Stop from one thread; Scan from one thread at a time. Everything referred to outlives
// it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "common/lake/lake_paths.h"
#include "common/metrics/metrics.h"
#include "services/ingestion/upload/file_upload.h"

namespace tarn::ingestion {

struct DropFolderOptions {
  absl::Duration settle_time = absl::Seconds(10);
  absl::Duration scan_pause = absl::Seconds(2);
};

class DropFolder {
 public:
  DropFolder(const lake::LakePaths& lake, FileUploads& uploads, Clock& clock, Metrics& metrics,
             DropFolderOptions options);
  ~DropFolder();
  DropFolder(const DropFolder&) = delete;
  DropFolder& operator=(const DropFolder&) = delete;

  // Looks every scan_pause, in a thread of its own.
  void Start();
  void Stop();

  // Looks once; how many files were picked up.
  int Scan();

 private:
  // What is seen of a file from outside.
  struct Look {
    uint64_t inode = 0;
    int64_t bytes = 0;
    absl::Time changed;  // the later of the times of its content and of its inode
    friend bool operator==(const Look&, const Look&) = default;
  };
  struct Seen {
    Look look;
    absl::Time since;
  };
  struct Found {
    std::string workspace;
    std::vector<std::string> parts;  // below drop/: database, table, k=v …, name
    std::filesystem::path path;
  };

  bool HaveLock();
  static bool LookAt(const std::filesystem::path& path, Look& look);
  std::vector<Found> FindFiles() const;
  bool IsWhole(const Found& file, const Look& look);
  // OK also when the file changed meanwhile, and is left for later.
  absl::Status PickUp(const Found& file, const Look& look, bool& picked_up);

  const lake::LakePaths& lake_;
  FileUploads& uploads_;
  Clock& clock_;
  const DropFolderOptions options_;
  Counter& picked_up_;
  Counter& failures_;
  int lock_fd_ = -1;
  std::map<std::string, Seen> seen_;  // by path
  std::set<std::string> told_;        // files whose problem was logged

  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tarn::ingestion
