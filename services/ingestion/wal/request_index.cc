#include "services/ingestion/wal/request_index.h"

#include <array>

#include <openssl/sha.h>

namespace tarn::ingestion {

std::string RequestIndex::Digest(const BatchKey& key) {
  std::string text = key.workspace;
  text.append(1, '\0').append(key.stream_uid).append(1, '\0').append(key.request_id);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return std::string(reinterpret_cast<const char*>(digest.data()), 16);
}

void RequestIndex::Add(const BatchKey& key, const StoredRequest& request) {
  std::string digest = Digest(key);
  const bool is_replay = key.request_id.starts_with(kReplayPrefix);
  (is_replay ? replays_by_age_ : by_age_).emplace_back(request.time, digest);
  requests_[std::move(digest)] = request;
}

std::optional<StoredRequest> RequestIndex::Find(const BatchKey& key) const {
  const auto found = requests_.find(Digest(key));
  if (found == requests_.end()) return std::nullopt;
  return found->second;
}

void RequestIndex::Purge(absl::Time now) {
  Purge(by_age_, now - kRequestRetention);
  Purge(replays_by_age_, now - kReplayRetention);
}

void RequestIndex::Purge(Queue& queue, absl::Time before) {
  while (!queue.empty() && queue.front().first < before) {
    const auto found = requests_.find(queue.front().second);
    if (found != requests_.end() && found->second.time < before) requests_.erase(found);
    queue.pop_front();
  }
}

}  // namespace tarn::ingestion
