// Groups records into the requests by which they are put. The grouping follows from the records
// alone, so that the same file gives the same batches each time. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "services/cli/record_splitter.h"

namespace tarn::cli {

struct RecordBatch {
  int64_t index = 0;  // from 0
  std::vector<std::string> records;
  std::vector<int64_t> lines;  // on which they begin
};

inline constexpr size_t kMaxBatchRecords = 1000;
inline constexpr size_t kMaxBatchBytes = 2 << 20;

class RecordBatcher {
 public:
  using Sink = std::function<absl::Status(const RecordBatch&)>;

  explicit RecordBatcher(Sink sink) : sink_(std::move(sink)) {}

  // Errors of the sink come back.
  absl::Status Add(const RecordText& record);
  absl::Status Finish();

  int64_t batch_count() const { return batch_.index; }

 private:
  absl::Status Emit();

  const Sink sink_;
  RecordBatch batch_;
  size_t bytes_ = 0;
};

// The idempotency key of one batch of a text with this SHA-256, for this stream: the same text put
// again gives the same keys.
std::string BatchRequestId(const std::string& stream, const std::string& text_sha256,
                           int64_t batch_index, int64_t batch_count);

}  // namespace tarn::cli
