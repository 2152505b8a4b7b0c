#include "services/catalog/live_file_cache.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "services/catalog/catalog_metrics.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

constexpr size_t kMaxVersions = 4;
// Of a file without statistics, at the least.
constexpr int64_t kMinBytesPerFile = 100;

std::shared_ptr<const LiveFiles> ReadAll(TableStore& store, const std::string& uid,
                                         int64_t sequence_number) {
  std::vector<DataFile> files;
  store.VisitFiles(uid, sequence_number, /*with_statistics=*/true,
                   [&](DataFile file) { files.push_back(std::move(file)); });
  return std::make_shared<const LiveFiles>(sequence_number, files);
}

std::shared_ptr<const LiveFiles> ReadNext(TableStore& store, const std::string& uid,
                                          const LiveFiles& before, int64_t sequence_number) {
  const FileChanges changes = store.ChangesBetween(uid, before.sequence_number(), sequence_number);
  return std::make_shared<const LiveFiles>(
      before.Next(sequence_number, changes.added, changes.removed));
}

}  // namespace

std::shared_ptr<LiveFileCache::TableFiles> LiveFileCache::Use(const std::string& uid) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<TableFiles>& files = tables_[uid];
  if (files == nullptr) {
    files = std::make_shared<TableFiles>();
    uses_.push_front(uid);
  } else {
    uses_.splice(uses_.begin(), uses_, files->use);
  }
  files->use = uses_.begin();
  return files;
}

void LiveFileCache::Account(const std::string& uid, const TableFiles& files, int64_t bytes) {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(uid);
  if (found == tables_.end() || found->second.get() != &files) return;  // it had to go
  bytes_ += bytes - std::exchange(found->second->bytes, bytes);
  while (bytes_ > max_bytes_ && !uses_.empty()) {
    const auto last = tables_.find(uses_.back());
    bytes_ -= last->second->bytes;
    tables_.erase(last);
    uses_.pop_back();
  }
  metrics_.scan_cache_bytes.Set(static_cast<double>(bytes_));
}

std::shared_ptr<const LiveFiles> LiveFileCache::Get(Transaction& txn, const Table& table) {
  const auto count = [&](const char* read) { metrics_.file_reads.With({read}).Increment(); };
  if (!table.current_snapshot || table.statistics.file_count * kMinBytesPerFile > max_bytes_) {
    count("uncached");
    return nullptr;
  }
  const int64_t wanted = table.current_snapshot->sequence_number;
  const std::shared_ptr<TableFiles> files = Use(table.uid);
  std::shared_ptr<const LiveFiles> result;
  {
    std::lock_guard lock(files->mutex);
    auto& versions = files->versions;
    const auto known = std::find_if(versions.begin(), versions.end(), [&](const auto& version) {
      return version->sequence_number() == wanted;
    });
    if (known != versions.end()) {
      count("nothing");
      result = *known;
    } else {
      TableStore store(txn);
      const LiveFiles* newest = versions.empty() ? nullptr : versions.back().get();
      if (newest != nullptr && newest->sequence_number() > wanted) {
        count("uncached");
        return nullptr;
      }
      // When the snapshot has expired, what was removed since may be forgotten.
      const bool is_kept =
          newest != nullptr && store.HasSnapshot(table.uid, newest->sequence_number());
      count(is_kept ? "changes" : "all");
      result =
          is_kept ? ReadNext(store, table.uid, *newest, wanted) : ReadAll(store, table.uid, wanted);
      versions.push_back(result);
      if (versions.size() > kMaxVersions) versions.pop_front();
    }
  }
  Account(table.uid, *files, result->bytes());
  return result;
}

}  // namespace tarn::catalog
