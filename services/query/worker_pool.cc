#include "services/query/worker_pool.h"

#include <absl/strings/str_cat.h>

#include "common/lake/durable_file.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

// Where tables' files are, below a workspace's folder.
constexpr const char* kReadableAreas[] = {"warehouse", "landing", "derived"};

}  // namespace

WorkerPool::Lease::~Lease() {
  if (pool_ == nullptr || worker_ == nullptr || !worker_->alive()) return;
  pool_->Return(workspace_, std::move(worker_));
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
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<WorkerProcess> worker, Start(workspace, ""));
  return Lease(this, workspace, std::move(worker));
}

absl::StatusOr<WorkerPool::Lease> WorkerPool::AcquireFor(const std::string& workspace,
                                                         const std::string& output_folder) {
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<WorkerProcess> worker, Start(workspace, output_folder));
  return Lease(nullptr, workspace, std::move(worker));
}

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerPool::Start(
    const std::string& workspace, const std::string& output_folder) const {
  WorkerFolders folders;
  folders.temp_directory = options_.temp_directory;
  for (const char* area : kReadableAreas) {
    folders.allowed_directories.push_back(
        absl::StrCat(options_.lake_root, "/", workspace, "/", area, "/"));
    TARN_RETURN_IF_ERROR(lake::CreateDirectoriesDurably(folders.allowed_directories.back()));
  }
  if (!output_folder.empty()) {
    folders.allowed_directories.push_back(absl::StrCat(output_folder, "/"));
  }
  return WorkerProcess::Start({options_.memory_limit_bytes, options_.threads}, folders);
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
