#include "services/ingestion/wal/testing/fake_disk.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include "common/lake/durable_file.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {

class FakeDiskFile : public AppendFile {
 public:
  FakeDiskFile(FakeDisk& disk, std::filesystem::path path, std::unique_ptr<AppendFile> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Append(const std::vector<std::string_view>& pieces) override {
    std::string all;
    for (std::string_view piece : pieces) all.append(piece);
    std::unique_lock lock(disk_.mutex_);
    int64_t fits = std::min<int64_t>(disk_.free_bytes_, static_cast<int64_t>(all.size()));
    if (disk_.FailsNow()) fits = std::min<int64_t>(fits, disk_.random_() % (all.size() + 1));
    disk_.free_bytes_ -= fits;
    lock.unlock();
    TARN_RETURN_IF_ERROR(
        file_->Append({std::string_view(all).substr(0, static_cast<size_t>(fits))}));
    if (fits < static_cast<int64_t>(all.size())) return lake::FileError(ENOSPC, "write", path_);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    std::unique_lock lock(disk_.mutex_);
    ++disk_.sync_count_;
    disk_.changed_.notify_all();
    disk_.changed_.wait(lock, [&] { return !disk_.hold_sync_; });
    const bool fails = disk_.sync_fails_ || disk_.syncs_to_fail_ > 0 || disk_.FailsNow();
    if (disk_.syncs_to_fail_ > 0) --disk_.syncs_to_fail_;
    if (fails) return lake::FileError(EIO, "flush", path_);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    {
      std::lock_guard lock(disk_.mutex_);
      if (disk_.truncate_fails_ || disk_.FailsNow()) return lake::FileError(EIO, "truncate", path_);
    }
    return file_->Truncate(size);
  }

 private:
  FakeDisk& disk_;
  const std::filesystem::path path_;
  const std::unique_ptr<AppendFile> file_;
};

OpenAppendFile FakeDisk::Opener() {
  return [this](const std::filesystem::path& path) -> absl::StatusOr<std::unique_ptr<AppendFile>> {
    TARN_ASSIGN_OR_RETURN(auto file, OpenPosixAppendFile(path));
    return std::make_unique<FakeDiskFile>(*this, path, std::move(file));
  };
}

void FakeDisk::SetFreeBytes(int64_t bytes) {
  std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

void FakeDisk::SetSyncFails(bool fails) {
  std::lock_guard lock(mutex_);
  sync_fails_ = fails;
}

void FakeDisk::FailSyncs(int count) {
  std::lock_guard lock(mutex_);
  syncs_to_fail_ = count;
}

void FakeDisk::FailAtRandom(uint32_t seed, uint32_t one_in) {
  std::lock_guard lock(mutex_);
  random_.seed(seed);
  one_in_ = one_in;
}

void FakeDisk::SetTruncateFails(bool fails) {
  std::lock_guard lock(mutex_);
  truncate_fails_ = fails;
}

void FakeDisk::HoldSync(bool hold) {
  std::lock_guard lock(mutex_);
  hold_sync_ = hold;
  changed_.notify_all();
}

int FakeDisk::sync_count() const {
  std::lock_guard lock(mutex_);
  return sync_count_;
}

void FakeDisk::WaitForSyncs(int count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return sync_count_ >= count; });
}

}  // namespace tarn::ingestion
