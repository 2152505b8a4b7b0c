// Runs independent pieces of work on a few threads.
#pragma once

#include <cstddef>
#include <functional>

#include <absl/status/status.h>

namespace tarn::datagen {

// Calls body(i) once for each i in [0, count), from up to `threads` threads (0: one for each core).
// After an error no new piece is begun; the error of the lowest failed i is returned.
absl::Status ParallelFor(size_t count, int threads,
                         const std::function<absl::Status(size_t)>& body);

}  // namespace tarn::datagen
