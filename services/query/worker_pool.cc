#include "services/query/worker_pool.h"

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/lake/durable_file.h"
#include "common/status/status_macros.h"

namespace tarn::query {

WorkerPool::Lease::~Lease() {
  if (worker_ != nullptr && worker_->alive()) pool_->Return(workspace_, std::move(worker_));
}

WorkerPool::WorkerPool(WorkerPoolOptions options) : options_(std::move(options)) {}

absl::StatusOr<WorkerPool::Lease> WorkerPool::Acquire(const std::string& workspace) {
  {
    std::lock_guard lock(mutex_);
    for (auto worker = idle_.rbegin(); worker != idle_.rend(); ++worker) {
      if (worker->first != workspace) continue;
      std::unique_ptr<WorkerProcess> found = std::move(worker->second);
      idle_.erase(std::next(worker).base());
      return Lease(this, workspace, std::move(found));
    }
  }
  WorkerFolders folders;
  folders.temp_directory = options_.temp_directory;
  folders.allowed_directories = {absl::StrCat(options_.lake_root, "/", workspace, "/")};
  TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folders.allowed_directories[0]));
  TARN_ASSIGN_OR_RETURN(
      std::unique_ptr<WorkerProcess> worker,
      WorkerProcess::Start({options_.memory_limit_bytes, options_.threads}, folders));
  return Lease(this, workspace, std::move(worker));
}

void WorkerPool::Return(const std::string& workspace, std::unique_ptr<WorkerProcess> worker) {
  std::unique_ptr<WorkerProcess> surplus;  // killed outside of the lock
  std::lock_guard lock(mutex_);
  idle_.emplace_back(workspace, std::move(worker));
  if (idle_.size() > options_.max_idle) {
    surplus = std::move(idle_.front().second);
    idle_.erase(idle_.begin());
  }
}

size_t WorkerPool::idle_count() const {
  std::lock_guard lock(mutex_);
  return idle_.size();
}

}  // namespace tarn::query
