// What one snapshot of a table has and another has not. Works in the caller's transaction.
//
// A file is known by its path and, for the files of an external table, which can change in their
// place, by its size and time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/postgres/transaction.h"
#include "services/catalog/snapshot.h"

namespace tarn::catalog {

struct PartitionDifference {
  PartitionTuple partition;
  FileTotals added;
  FileTotals removed;
};

struct DifferenceSummary {
  FileTotals added;
  FileTotals removed;
  // Those with the most rows on both sides first; at most as many as were asked for.
  std::vector<PartitionDifference> partitions;
  int64_t partition_count = 0;
};

struct FileDifference {
  bool added = false;
  DataFile file;  // without statistics
};

class SnapshotDifference {
 public:
  // Of two snapshots of one table, by sequence number, in either order.
  SnapshotDifference(Transaction& txn, std::string table_uid, int64_t from, int64_t to)
      : txn_(txn), table_uid_(std::move(table_uid)), from_(from), to_(to) {}

  DifferenceSummary Summarize(int max_partitions);

  // Where a list of files goes on: after this file, on this side. A path may stand on both.
  struct Position {
    std::string path;
    bool added = false;
  };
  // By path, what was removed before what was added.
  std::vector<FileDifference> ListFiles(const Position& after, int limit);

 private:
  Transaction& txn_;
  const std::string table_uid_;
  const int64_t from_;
  const int64_t to_;
};

}  // namespace tarn::catalog
