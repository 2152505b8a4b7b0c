// Collects what killed writers left in the folders of managed tables: files that were published but
// never committed, and staging folders. Nothing else finds them, since no row names them.
//
// Only what has lain untouched for the grace period (longer than any statement, delivery or
// compaction takes) is looked at, and only in warehouse/<database>/<table>-<id>/{data,staging}.
// A data file that no row of the table names is written into catalog.garbage under the lock of the
// table's head, and the garbage collector removes it: a commit before that has named the file, one
// after it is refused (FILE_IS_GARBAGE). A folder that is no table's goes as a whole in the same
// way. Staging is no part of any table and is removed at once. A kill anywhere leaves what the next
// round finds. Symbolic links are neither followed nor removed.
//
// Several processes may sweep at once. Thread safe.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock/clock.h"
#include "common/lake/lake_paths.h"
#include "common/postgres/postgres_pool.h"
#include "services/catalog/catalog_metrics.h"
#include "services/catalog/table.h"

namespace tarn::catalog {

class OrphanSweeper {
 public:
  // `clock` is compared with the times of files.
  OrphanSweeper(PostgresPool& pool, const lake::LakePaths& lake, CatalogMetrics& metrics,
                const Clock& clock, absl::Duration grace)
      : pool_(pool), lake_(lake), metrics_(metrics), clock_(clock), grace_(grace) {}

  // One round over all workspaces; ends between two batches once `stop` is set. Goes on past a
  // table that fails; the first error is returned.
  absl::Status Run(const std::atomic<bool>& stop);

 private:
  // A folder of warehouse/<database>/ that has a table's form.
  struct TableFolder {
    TableKey key;
    std::string path;  // relative to the lake's root
  };

  std::vector<TableFolder> FindFolders() const;
  absl::Status Sweep(const TableFolder& folder, const std::atomic<bool>& stop);
  absl::Status SweepData(const TableFolder& folder, const std::atomic<bool>& stop);
  absl::Status SweepStaging(const TableFolder& folder, const std::atomic<bool>& stop);
  // Whether the folder is that of a table that there is, or is garbage already.
  absl::StatusOr<bool> IsKnown(const TableFolder& folder);
  absl::Status RegisterFolder(const TableFolder& folder);
  // Those of `paths` that no row names become garbage; how many.
  absl::StatusOr<int64_t> RegisterFiles(const TableFolder& folder,
                                        const std::vector<std::string>& paths);
  // Whether nothing in or of `path` was touched within the grace period.
  bool IsOld(const std::filesystem::path& path) const;
  bool IsOldTree(const std::filesystem::path& path) const;

  PostgresPool& pool_;
  const lake::LakePaths& lake_;
  CatalogMetrics& metrics_;
  const Clock& clock_;
  const absl::Duration grace_;
};

}  // namespace tarn::catalog
