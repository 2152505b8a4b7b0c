// Files for the write-ahead log on a disk that a test can fill, break and hold up. Thread safe; the
// disk outlives its files.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>

#include "services/ingestion/wal/append_file.h"

namespace tarn::ingestion {

class FakeDisk {
 public:
  // For WriteAheadLogOptions::open_file.
  OpenAppendFile Opener();

  // From now on at most so many bytes more can be written; what does not fit is written in part.
  void SetFreeBytes(int64_t bytes);
  // The next flushes fail, until told otherwise.
  void SetSyncFails(bool fails);
  // So many flushes fail, those that are held included.
  void FailSyncs(int count);
  // From now on one in `one_in` writes (in part), flushes and cuts fails, as `seed` decides; none
  // with 0.
  void FailAtRandom(uint32_t seed, uint32_t one_in);
  // Files cannot be cut, until told otherwise.
  void SetTruncateFails(bool fails);
  // While held, a flush does not return.
  void HoldSync(bool hold);
  int sync_count() const;
  // Waits until so many flushes have begun.
  void WaitForSyncs(int count);

 private:
  friend class FakeDiskFile;

  // Under the lock.
  bool FailsNow() { return one_in_ > 0 && random_() % one_in_ == 0; }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int64_t free_bytes_ = INT64_MAX;
  bool sync_fails_ = false;
  int syncs_to_fail_ = 0;
  bool truncate_fails_ = false;
  uint32_t one_in_ = 0;
  std::mt19937 random_;
  bool hold_sync_ = false;
  int sync_count_ = 0;
};

}  // namespace tarn::ingestion
