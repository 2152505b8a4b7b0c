// The files of one snapshot, packed, with what scans have asked of them: an immutable list in
// chunks, which the list of the next snapshot shares as far as they are the same. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "services/catalog/scan_pruner.h"
#include "services/catalog/snapshot.h"

namespace tarn::catalog {

// A file that was removed by a commit.
struct RemovedFile {
  std::string path;
  int64_t added_sequence_number = 0;
};

class LiveFiles {
 public:
  // Files in the order of their added_sequence_number.
  LiveFiles(int64_t sequence_number, std::span<const DataFile> files);

  // Those of a later snapshot, by what has been added, in order, and removed since.
  LiveFiles Next(int64_t sequence_number, std::span<const DataFile> added,
                 std::span<const RemovedFile> removed) const;

  // Of the snapshot.
  int64_t sequence_number() const { return sequence_number_; }
  int64_t count() const { return count_; }
  // Memory, ranges included; grows with the columns that are asked for.
  int64_t bytes() const;

  // The files that may hold rows for the pruner's predicates, in order.
  void Visit(const ScanPruner& pruner, const std::function<void(DataFile)>& visit) const;

 private:
  struct Entry {
    int64_t added_sequence_number = 0;
    std::string packed;
  };
  class Chunk;
  using Chunks = std::vector<std::shared_ptr<const Chunk>>;

  LiveFiles(int64_t sequence_number, Chunks chunks);
  static void AppendTo(Chunks& chunks, std::vector<Entry> entries);

  int64_t sequence_number_;
  int64_t count_ = 0;
  Chunks chunks_;
};

}  // namespace tarn::catalog
