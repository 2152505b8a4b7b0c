#include "services/catalog/live_files.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "tarn/catalog/v1/snapshot.pb.h"

#include "services/catalog/table_proto.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

constexpr size_t kFilesPerChunk = 1024;

std::string Pack(const DataFile& file) {
  v1::DataFile proto;
  ToProto(file, &proto);
  return proto.SerializeAsString();
}

DataFile Unpack(const std::string& packed) {
  v1::DataFile proto;
  proto.ParseFromString(packed);
  DataFile file = DataFileFromProto(proto);
  if (proto.has_added_time()) file.added_time = FromTimestamp(proto.added_time());
  return file;
}

}  // namespace

class LiveFiles::Chunk {
 public:
  using Ranges = std::vector<ValueRange>;
  explicit Chunk(std::vector<Entry> entries) : entries_(std::move(entries)) {
    bytes_ = static_cast<int64_t>(entries_.size() * sizeof(Entry));
    for (const Entry& entry : entries_) bytes_ += static_cast<int64_t>(entry.packed.capacity());
  }

  const std::vector<Entry>& entries() const { return entries_; }
  bool MayHold(int64_t added_sequence_number) const {
    return entries_.front().added_sequence_number <= added_sequence_number &&
           added_sequence_number <= entries_.back().added_sequence_number;
  }
  int64_t bytes() const {
    std::lock_guard lock(mutex_);
    return bytes_;
  }
  // Of each file.
  std::shared_ptr<const Ranges> RangesOf(const RangeSource& source) const;

 private:
  const std::vector<Entry> entries_;  // at least one
  mutable std::mutex mutex_;
  mutable int64_t bytes_;
  mutable std::map<std::string, std::shared_ptr<const Ranges>> ranges_;  // by the source's key
};

std::shared_ptr<const LiveFiles::Chunk::Ranges> LiveFiles::Chunk::RangesOf(
    const RangeSource& source) const {
  std::lock_guard lock(mutex_);
  std::shared_ptr<const Ranges>& known = ranges_[source.key()];
  if (known == nullptr) {
    Ranges ranges;
    ranges.reserve(entries_.size());
    for (const Entry& entry : entries_) ranges.push_back(source.RangeOf(Unpack(entry.packed)));
    bytes_ += static_cast<int64_t>(ranges.size() * sizeof(ValueRange));
    known = std::make_shared<const Ranges>(std::move(ranges));
  }
  return known;
}

// Into the last chunk while there is room, and into new ones behind it.
void LiveFiles::AppendTo(Chunks& chunks, std::vector<Entry> entries) {
  if (entries.empty()) return;
  if (!chunks.empty() && chunks.back()->entries().size() < kFilesPerChunk) {
    const std::vector<Entry>& last = chunks.back()->entries();
    entries.insert(entries.begin(), last.begin(), last.end());
    chunks.pop_back();
  }
  for (size_t begin = 0; begin < entries.size(); begin += kFilesPerChunk) {
    const auto first = entries.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = std::min(entries.size() - begin, kFilesPerChunk);
    const auto last = first + static_cast<std::ptrdiff_t>(count);
    chunks.push_back(std::make_shared<const Chunk>(
        std::vector<Entry>(std::make_move_iterator(first), std::make_move_iterator(last))));
  }
}

LiveFiles::LiveFiles(int64_t sequence_number, Chunks chunks)
    : sequence_number_(sequence_number), chunks_(std::move(chunks)) {
  for (const auto& chunk : chunks_) count_ += static_cast<int64_t>(chunk->entries().size());
}

LiveFiles::LiveFiles(int64_t sequence_number, std::span<const DataFile> files)
    : LiveFiles(LiveFiles(sequence_number, Chunks()).Next(sequence_number, files, {})) {}

LiveFiles LiveFiles::Next(int64_t sequence_number, std::span<const DataFile> added,
                          std::span<const RemovedFile> removed) const {
  std::set<std::string_view> gone;
  for (const RemovedFile& file : removed) gone.insert(file.path);
  Chunks chunks;
  for (const auto& chunk : chunks_) {
    const bool is_touched = std::any_of(removed.begin(), removed.end(), [&](const auto& file) {
      return chunk->MayHold(file.added_sequence_number);
    });
    if (!is_touched) {
      chunks.push_back(chunk);
      continue;
    }
    std::vector<Entry> left;
    for (const Entry& entry : chunk->entries()) {
      if (!gone.contains(Unpack(entry.packed).path)) left.push_back(entry);
    }
    if (left.size() == chunk->entries().size()) {
      chunks.push_back(chunk);
    } else {
      // Together with the one before, lest chunks of a few files remain.
      AppendTo(chunks, std::move(left));
    }
  }
  std::vector<Entry> entries;
  entries.reserve(added.size());
  for (const DataFile& file : added) entries.push_back({file.added_sequence_number, Pack(file)});
  AppendTo(chunks, std::move(entries));
  return LiveFiles(sequence_number, std::move(chunks));
}

int64_t LiveFiles::bytes() const {
  int64_t bytes = 0;
  for (const auto& chunk : chunks_) bytes += chunk->bytes();
  return bytes;
}

void LiveFiles::Visit(const ScanPruner& pruner, const std::function<void(DataFile)>& visit) const {
  std::vector<char> wanted;
  for (const auto& chunk : chunks_) {
    wanted.assign(chunk->entries().size(), 1);
    for (const RangeCheck& check : pruner.checks()) {
      const std::shared_ptr<const Chunk::Ranges> ranges = chunk->RangesOf(check.source);
      for (size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] != 0 && !check.MayMatch((*ranges)[i])) wanted[i] = 0;
      }
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] != 0) visit(Unpack(chunk->entries()[i].packed));
    }
  }
}

}  // namespace tarn::catalog
