#include "services/cli/record_batcher.h"

#include "common/digest/sha256.h"
#include "common/status/status_macros.h"

namespace tarn::cli {

absl::Status RecordBatcher::Add(const RecordText& record) {
  const size_t size = record.bytes.size();
  if (batch_.records.size() == kMaxBatchRecords ||
      (!batch_.records.empty() && bytes_ + size > kMaxBatchBytes)) {
    TARN_RETURN_IF_ERROR(Emit());
  }
  batch_.records.emplace_back(record.bytes);
  batch_.lines.push_back(record.line);
  bytes_ += size;
  return absl::OkStatus();
}

absl::Status RecordBatcher::Finish() { return batch_.records.empty() ? absl::OkStatus() : Emit(); }

absl::Status RecordBatcher::Emit() {
  TARN_RETURN_IF_ERROR(sink_(batch_));
  batch_.records.clear();
  batch_.lines.clear();
  bytes_ = 0;
  ++batch_.index;
  return absl::OkStatus();
}

std::string BatchRequestId(const std::string& stream, const std::string& text_sha256,
                           int64_t batch_index, int64_t batch_count) {
  Sha256 hash;
  hash.Update(stream + "\n" + text_sha256 + "\n" + std::to_string(batch_index) + "\n" +
              std::to_string(batch_count));
  // Half of the digest is more than a UUID holds.
  return "put-" + hash.Hex().substr(0, 32);
}

}  // namespace tarn::cli
