// The live files of the tables that were scanned last, kept in memory, so that a scan of a table of
// many files reads from PostgreSQL only what has changed since the one before. What a snapshot
// holds never changes, and which snapshot is the current one the caller's transaction says: another
// instance's commits are seen as one's own are.
//
// Memory is bounded: the tables that were scanned least recently go first, and one that would not
// fit alone is not kept. Thread safe; blocks while another thread reads the same table's files.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/postgres/transaction.h"
#include "services/catalog/live_files.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

struct CatalogMetrics;

class LiveFileCache {
 public:
  LiveFileCache(int64_t max_bytes, CatalogMetrics& metrics)
      : max_bytes_(max_bytes), metrics_(metrics) {}

  // The files of the current snapshot of `table`, as the repeatable-read transaction sees both.
  // Null when they are not to be kept: read them one by one.
  std::shared_ptr<const LiveFiles> Get(Transaction& txn, const Table& table);

 private:
  struct TableFiles {
    std::mutex mutex;
    // Of the last few snapshots that were read, for transactions that are a little behind.
    std::deque<std::shared_ptr<const LiveFiles>> versions;
    // Guarded by the cache's mutex.
    int64_t bytes = 0;
    std::list<std::string>::iterator use;
  };

  std::shared_ptr<TableFiles> Use(const std::string& uid);
  // Takes up how large the table's have become, and makes room.
  void Account(const std::string& uid, const TableFiles& files, int64_t bytes);

  const int64_t max_bytes_;
  CatalogMetrics& metrics_;
  std::mutex mutex_;
  int64_t bytes_ = 0;
  std::map<std::string, std::shared_ptr<TableFiles>> tables_;  // by uid
  std::list<std::string> uses_;                                // the most recent first
};

}  // namespace tarn::catalog
