// The origins of files in PostgreSQL. Runs SQL in the caller's transaction, as Transaction::Exec
// does; no state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "services/catalog/snapshot.h"

namespace tarn::catalog {

// Which origins are wanted; all that are given must hold.
struct OriginFilter {
  std::string path;
  // Of a source, or of a cause or what lies below it: "pipelines/enrich" has
  // "pipelines/enrich/runs/1/load".
  std::string source;
  // Rows that came into the table from this time on, or before this time. What is of an unknown
  // time has neither.
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
};

class OriginStore {
 public:
  explicit OriginStore(Transaction& txn) : txn_(txn) {}

  // Files of a snapshot with such origins, which alone they have, by path after `after`: path,
  // partition, row_count and origins are set. Origins are complete: with rows and times where they
  // are known.
  std::vector<DataFile> List(const std::string& table_uid, int64_t sequence_number,
                             const OriginFilter& filter, const std::string& after, int limit);

  // The origins of all these live files, one file's after the other, complete as above.
  std::vector<FileOrigin> OfLiveFiles(const std::string& table_uid,
                                      const std::vector<std::string>& paths);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog
