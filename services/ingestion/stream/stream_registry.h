// The streams that this process knows, so that records are taken while PostgreSQL is away. Filled
// from the store at start and again now and then; a name that is not known is looked up at once.
//
// Thread safe. Entries are immutable and shared.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/ingestion/stream/stream.h"
#include "services/ingestion/stream/stream_store.h"

namespace tarn::ingestion {

using StreamPtr = std::shared_ptr<const Stream>;

class StreamRegistry {
 public:
  explicit StreamRegistry(StreamStore& store) : store_(store) {}

  // From memory, else from the store. NOT_FOUND STREAM_NOT_FOUND, or UNAVAILABLE while the store
  // cannot be asked.
  absl::StatusOr<StreamPtr> Find(std::string_view workspace, std::string_view id);
  // From memory alone; null when it is not known.
  StreamPtr FindInMemory(std::string_view workspace, std::string_view id) const;
  StreamPtr FindByUid(std::string_view uid) const;
  void Put(Stream stream);
  void Remove(std::string_view workspace, std::string_view id);
  // Replaces all by what the store has.
  absl::Status Reload();

 private:
  using Key = std::pair<std::string, std::string>;  // workspace, id

  StreamStore& store_;
  mutable std::mutex mutex_;
  std::map<Key, StreamPtr> by_name_;
  std::map<std::string, StreamPtr, std::less<>> by_uid_;
  // Grows with every Put and Remove: a reload that began before one of them is not taken.
  uint64_t version_ = 0;
};

}  // namespace tarn::ingestion
