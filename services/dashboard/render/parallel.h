// Runs some work at the same time, with a bound.
#pragma once

#include <cstddef>
#include <functional>

namespace tarn::dashboard {

// Calls `work` with 0 to `count` - 1, on at most `concurrency` threads, the calling one included,
// and returns when all have returned.
void RunParallel(size_t count, size_t concurrency, const std::function<void(size_t)>& work);

}  // namespace tarn::dashboard
