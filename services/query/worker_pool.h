// Warm worker processes, by workspace. A worker that has served one workspace never serves another.
// Its engine may open files of its workspace's warehouse, landing area and derived copies, and
// nothing else: not results, raw copies or the archive, nor another workspace's files.
// Thread safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/query/worker/worker_process.h"

namespace tarn::query {

struct WorkerPoolOptions {
  // The lake's root and the folder for spilled data, absolute.
  std::string lake_root;
  std::string temp_directory;
  int64_t memory_limit_bytes = 0;
  int threads = 1;
  // Idle workers that are kept, over all workspaces.
  size_t max_idle = 2;
};

class WorkerPool {
 public:
  // A worker for one statement. Goes back to the pool when it is destroyed, unless it died.
  class Lease {
   public:
    // Without a pool the worker ends with the lease.
    Lease(WorkerPool* pool, std::string workspace, std::unique_ptr<WorkerProcess> worker)
        : pool_(pool), workspace_(std::move(workspace)), worker_(std::move(worker)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    WorkerProcess* operator->() const { return worker_.get(); }

   private:
    WorkerPool* pool_;
    std::string workspace_;
    std::unique_ptr<WorkerProcess> worker_;
  };

  explicit WorkerPool(WorkerPoolOptions options);

  // An idle worker of that workspace, or a new one.
  absl::StatusOr<Lease> Acquire(const std::string& workspace);
  // A new worker that may write into `output_folder` (absolute) as well, for one statement.
  absl::StatusOr<Lease> AcquireFor(const std::string& workspace, const std::string& output_folder);
  size_t idle_count() const;

 private:
  absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const std::string& workspace,
                                                       const std::string& output_folder) const;
  void Return(const std::string& workspace, std::unique_ptr<WorkerProcess> worker);

  const WorkerPoolOptions options_;
  mutable std::mutex mutex_;
  // The most recently used last.
  std::vector<std::pair<std::string, std::unique_ptr<WorkerProcess>>> idle_;
};

}  // namespace tarn::query
