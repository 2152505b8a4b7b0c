#include "services/dashboard/render/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace tarn::dashboard {

void RunParallel(size_t count, size_t concurrency, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(count, concurrency); ++i) threads.emplace_back(run);
  run();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tarn::dashboard
