#include "tools/datagen/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace tarn::datagen {

absl::Status ParallelFor(size_t count, int threads,
                         const std::function<absl::Status(size_t)>& body) {
  size_t workers = threads > 0 ? static_cast<size_t>(threads)
                               : std::max<size_t>(1, std::thread::hardware_concurrency());
  workers = std::min(workers, count);

  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  size_t first_failed = count;
  absl::Status error;

  const auto work = [&] {
    while (!failed) {
      const size_t i = next++;
      if (i >= count) return;
      absl::Status status = body(i);
      if (status.ok()) continue;
      failed = true;
      const std::lock_guard lock(mutex);
      if (i < first_failed) {
        first_failed = i;
        error = std::move(status);
      }
    }
  };
  std::vector<std::jthread> pool;
  for (size_t i = 1; i < workers; ++i) pool.emplace_back(work);
  work();
  pool.clear();  // joins
  return error;
}

}  // namespace tarn::datagen
