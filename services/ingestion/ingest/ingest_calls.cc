#include "services/ingestion/ingest/ingest_calls.h"

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "services/ingestion/ingest/ingest_call.h"

namespace tarn::ingestion {
namespace {

absl::Status Stopping() {
  return Unavailable("MODULE_NOT_SERVING",
                     "ingestion is stopping; open again in a moment and go on after last_sequence");
}

}  // namespace

absl::Status IngestCalls::Add(const std::shared_ptr<IngestCall>& call) {
  std::lock_guard lock(mutex_);
  if (draining_) return Stopping();
  if (calls_.size() >= max_calls_) {
    return ResourceExhausted(
        "TOO_MANY_CALLS",
        absl::StrCat(max_calls_,
                     " Ingest calls are open, the most that ingestion.max_ingest_calls "
                     "allows; end some, or use PutRecords"));
  }
  calls_.insert(call);
  metrics_.ingest_calls.Set(static_cast<double>(calls_.size()));
  return absl::OkStatus();
}

void IngestCalls::Remove(const std::shared_ptr<IngestCall>& call) {
  std::lock_guard lock(mutex_);
  calls_.erase(call);
  metrics_.ingest_calls.Set(static_cast<double>(calls_.size()));
}

void IngestCalls::Drain() {
  std::vector<std::shared_ptr<IngestCall>> open;
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    open.assign(calls_.begin(), calls_.end());
  }
  // Without the lock: a call that ends removes itself.
  for (const auto& call : open) call->EndAfterAcks(Stopping());
}

}  // namespace tarn::ingestion
