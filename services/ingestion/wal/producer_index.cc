#include "services/ingestion/wal/producer_index.h"

#include <algorithm>

namespace tarn::ingestion {
namespace {

bool IsRemembered(const std::vector<StoredBatch>& batches, const StoredBatch& told) {
  return std::any_of(batches.begin(), batches.end(), [&](const StoredBatch& batch) {
    return batch.sequence == told.sequence && batch.first_position == told.first_position;
  });
}

}  // namespace

std::string ProducerIndex::NameOf(const BatchKey& key) {
  std::string name = key.workspace;
  return name.append(1, '\0').append(key.stream_uid).append(1, '\0').append(key.producer_id);
}

void ProducerIndex::Add(const BatchKey& key, const StoredBatch& batch) {
  std::vector<StoredBatch>& batches = producers_[NameOf(key)];
  if (!batches.empty() && batch.sequence <= batches.back().sequence) {
    if (IsRemembered(batches, batch)) return;  // the log tells some things twice
    batches.clear();                           // it was forgotten, and began again
  }
  if (batches.size() >= kRemembered) batches.erase(batches.begin());
  batches.push_back(batch);
}

const std::vector<StoredBatch>* ProducerIndex::Find(const BatchKey& key, absl::Time now) const {
  const auto found = producers_.find(NameOf(key));
  if (found == producers_.end() || found->second.back().time + retention_ < now) return nullptr;
  return &found->second;
}

void ProducerIndex::Purge(absl::Time now) {
  std::erase_if(producers_, [&](const auto& producer) {
    return producer.second.back().time + retention_ < now;
  });
}

std::vector<ProducerPosition> ProducerIndex::Snapshot() const {
  std::vector<ProducerPosition> positions;
  positions.reserve(producers_.size());
  for (const auto& [name, batches] : producers_) {
    positions.push_back(PositionOf(name, batches.back()));
  }
  return positions;
}

std::vector<ProducerPosition> ProducerIndex::Last(const BatchKey& key) const {
  const auto found = producers_.find(NameOf(key));
  if (found == producers_.end()) return {};
  return {PositionOf(found->first, found->second.back())};
}

ProducerPosition ProducerIndex::PositionOf(std::string_view name, const StoredBatch& last) {
  const size_t first = name.find('\0');
  const size_t second = name.find('\0', first + 1);
  return {.workspace = std::string(name.substr(0, first)),
          .stream_uid = std::string(name.substr(first + 1, second - first - 1)),
          .producer_id = std::string(name.substr(second + 1)),
          .last = last};
}

}  // namespace tarn::ingestion
