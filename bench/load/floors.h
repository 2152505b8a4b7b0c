// What the machine gives without Tarn, measured beside it: bytes that are only written and flushed,
// and the engine alone turning the same JSON into Parquet.
#pragma once

#include <filesystem>
#include <vector>

#include <absl/time/time.h>

#include "bench/load/device_messages.h"

namespace tarn::bench {

// MiB/s of the batches' bytes written to a file of `folder` in pieces of 4 MiB, each flushed.
double WriteFloor(const std::filesystem::path& folder, const std::vector<MessageBatch>& batches,
                  absl::Duration duration);

// MiB/s of JSON that the engine reads from a file and writes as Parquet with zstd, on both cores,
// without looking whether a value is bent.
double ParquetFloor(const std::filesystem::path& folder, const std::vector<MessageBatch>& batches,
                    absl::Duration duration);

}  // namespace tarn::bench
