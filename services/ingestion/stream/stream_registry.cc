#include "services/ingestion/stream/stream_registry.h"

#include "common/status/status_macros.h"

namespace tarn::ingestion {

absl::StatusOr<StreamPtr> StreamRegistry::Find(std::string_view workspace, std::string_view id) {
  const Key key{workspace, id};
  {
    std::lock_guard lock(mutex_);
    const auto found = by_name_.find(key);
    if (found != by_name_.end()) return found->second;
  }
  TARN_ASSIGN_OR_RETURN(Stream stream, store_.Get(workspace, id));
  Put(std::move(stream));
  std::lock_guard lock(mutex_);
  const auto found = by_name_.find(key);
  if (found == by_name_.end()) return StreamNotFound(id);
  return found->second;
}

StreamPtr StreamRegistry::FindInMemory(std::string_view workspace, std::string_view id) const {
  std::lock_guard lock(mutex_);
  const auto found = by_name_.find({std::string(workspace), std::string(id)});
  return found == by_name_.end() ? nullptr : found->second;
}

StreamPtr StreamRegistry::FindByUid(std::string_view uid) const {
  std::lock_guard lock(mutex_);
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : found->second;
}

void StreamRegistry::Put(Stream stream) {
  auto entry = std::make_shared<const Stream>(std::move(stream));
  std::lock_guard lock(mutex_);
  ++version_;
  StreamPtr& slot = by_name_[{entry->workspace, entry->id}];
  if (slot != nullptr) by_uid_.erase(slot->uid);
  slot = entry;
  by_uid_[entry->uid] = entry;
}

void StreamRegistry::Remove(std::string_view workspace, std::string_view id) {
  std::lock_guard lock(mutex_);
  ++version_;
  const auto found = by_name_.find({std::string(workspace), std::string(id)});
  if (found == by_name_.end()) return;
  by_uid_.erase(found->second->uid);
  by_name_.erase(found);
}

absl::Status StreamRegistry::Reload() {
  uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    version = version_;
  }
  TARN_ASSIGN_OR_RETURN(std::vector<Stream> streams, store_.LoadAll());
  std::lock_guard lock(mutex_);
  if (version != version_) return absl::OkStatus();  // the next time
  by_name_.clear();
  by_uid_.clear();
  for (Stream& stream : streams) {
    auto entry = std::make_shared<const Stream>(std::move(stream));
    by_name_[{entry->workspace, entry->id}] = entry;
    by_uid_[entry->uid] = entry;
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
