#include "services/catalog/maintenance/orphan_sweeper.h"

#include <sys/stat.h>

#include "common/failpoint/failpoint.h"
#include "common/logging/logging.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/json_columns.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;

// Paths that are looked up in one statement.
constexpr size_t kPathsAtOnce = 1000;

// Whether a row of the table names the path, live or in an older snapshot: two indexes.
constexpr char kUnnamed[] =
    "NOT EXISTS (SELECT 1 FROM catalog.data_files f WHERE f.table_uid = $1 AND f.removed_seq IS "
    "NULL AND f.path = p.path) AND NOT EXISTS (SELECT 1 FROM catalog.data_files f WHERE "
    "f.table_uid = $1 AND f.removed_seq IS NOT NULL AND f.path = p.path)";

// The folders of `path`, links apart.
std::vector<fs::path> FoldersOf(const fs::path& path) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->is_symlink(error) || !it->is_directory(error)) continue;
    folders.push_back(it->path());
  }
  return folders;
}

}  // namespace

bool OrphanSweeper::IsOld(const fs::path& path) const {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0) return false;  // gone, or not ours to judge
  // A rename touches the change time alone.
  const absl::Time touched =
      std::max(absl::TimeFromTimespec(info.st_mtim), absl::TimeFromTimespec(info.st_ctim));
  return touched + grace_ < clock_.Now();
}

bool OrphanSweeper::IsOldTree(const fs::path& path) const {
  if (!IsOld(path)) return false;
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    if (!IsOld(it->path())) return false;
  }
  return !error;
}

std::vector<OrphanSweeper::TableFolder> OrphanSweeper::FindFolders() const {
  std::vector<TableFolder> found;
  for (const fs::path& workspace : FoldersOf(lake_.root())) {
    for (const fs::path& database : FoldersOf(workspace / "warehouse")) {
      for (const fs::path& folder : FoldersOf(database)) {
        const std::string name = folder.filename().string();
        const size_t dash = name.rfind('-');
        if (dash == std::string::npos || dash + 1 == name.size()) continue;
        const TableKey key = {workspace.filename().string(), database.filename().string(),
                              name.substr(0, dash)};
        if (!names::ValidateSqlId("table", key.table).ok()) continue;
        found.push_back({key, folder.lexically_relative(lake_.root()).string()});
      }
    }
  }
  return found;
}

absl::StatusOr<bool> OrphanSweeper::IsKnown(const TableFolder& folder) {
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<bool> {
    return !txn.Exec(
                   "SELECT 1 FROM catalog.tables WHERE workspace = $1 AND location = $2 || '/data' "
                   "UNION ALL SELECT 1 FROM catalog.garbage WHERE workspace = $1 AND path = $2",
                   folder.key.workspace, folder.path)
                .empty();
  });
}

absl::Status OrphanSweeper::RegisterFolder(const TableFolder& folder) {
  TARN_ASSIGN_OR_RETURN(
      const bool registered, pool_.Run([&](Transaction& txn) -> absl::StatusOr<bool> {
        // A table of this name that was made anew may name files of the old one's folder.
        const std::optional<Table> table = TableStore(txn).Lock(folder.key);
        return txn.Exec(
                      "INSERT INTO catalog.garbage (workspace, path, delete_after) "
                      "SELECT $1, $2, now() WHERE NOT EXISTS (SELECT 1 FROM catalog.tables WHERE "
                      "workspace = $1 AND location = $2 || '/data') AND NOT EXISTS (SELECT 1 FROM "
                      "catalog.data_files f WHERE f.table_uid = $3::uuid AND starts_with(f.path, "
                      "$2 || '/')) ON CONFLICT DO NOTHING",
                      folder.key.workspace, folder.path,
                      table ? std::optional(table->uid) : std::nullopt)
                   .affected_rows() > 0;
      }));
  if (!registered) return absl::OkStatus();
  metrics_.orphans.With({"folder"}).Increment();
  logging::Info("catalog", "a folder that is no table's is to be removed",
                {{"workspace", folder.key.workspace}, {"folder", folder.path}});
  return absl::OkStatus();
}

absl::StatusOr<int64_t> OrphanSweeper::RegisterFiles(const TableFolder& folder,
                                                     const std::vector<std::string>& paths) {
  // Most files are named: those are told apart without a lock that commits would wait for.
  std::vector<std::string> unnamed;
  TARN_RETURN_IF_ERROR(pool_.Run([&](Transaction& txn) -> absl::Status {
    unnamed.clear();
    const std::optional<Table> table = TableStore(txn).Find(folder.key);
    if (!table) return absl::OkStatus();  // dropped just now: its folder is garbage as a whole
    for (const Row row :
         txn.Exec(std::string("SELECT p.path FROM jsonb_array_elements_text($2::jsonb) AS p(path) "
                              "WHERE ") +
                      kUnnamed,
                  table->uid, StringsToJson(paths))) {
      unnamed.push_back(row.Get<std::string>("path"));
    }
    return absl::OkStatus();
  }));
  if (unnamed.empty()) return 0;
  TARN_RETURN_IF_FAILPOINT("catalog.orphans.before_register");
  return pool_.Run([&](Transaction& txn) -> absl::StatusOr<int64_t> {
    const std::optional<Table> table = TableStore(txn).Lock(folder.key);
    if (!table) return 0;
    return txn
        .Exec(std::string("INSERT INTO catalog.garbage (workspace, path, delete_after) "
                          "SELECT $3, p.path, now() FROM jsonb_array_elements_text($2::jsonb) AS "
                          "p(path) WHERE ") +
                  kUnnamed + " ON CONFLICT DO NOTHING",
              table->uid, StringsToJson(unnamed), folder.key.workspace)
        .affected_rows();
  });
}

absl::Status OrphanSweeper::SweepData(const TableFolder& folder, const std::atomic<bool>& stop) {
  std::vector<std::string> batch;
  int64_t registered = 0;
  const auto flush = [&]() -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const int64_t count, RegisterFiles(folder, batch));
    registered += count;
    metrics_.orphans.With({"file"}).Increment(static_cast<double>(count));
    batch.clear();
    return absl::OkStatus();
  };
  const fs::path data = lake_.root() / folder.path / "data";
  std::error_code error;
  if (fs::is_symlink(data, error)) return absl::OkStatus();
  for (fs::recursive_directory_iterator it(data, error), end; !error && it != end && !stop;
       it.increment(error)) {
    if (it->is_symlink(error) || !it->is_regular_file(error) || !IsOld(it->path())) continue;
    batch.push_back(it->path().lexically_relative(lake_.root()).string());
    if (batch.size() == kPathsAtOnce) TARN_RETURN_IF_ERROR(flush());
  }
  if (!batch.empty() && !stop) TARN_RETURN_IF_ERROR(flush());
  if (registered > 0) {
    logging::Info("catalog", "files that no snapshot names are to be removed",
                  {{"workspace", folder.key.workspace},
                   {"table", folder.key.SqlName()},
                   {"files", registered}});
  }
  return absl::OkStatus();
}

absl::Status OrphanSweeper::SweepStaging(const TableFolder& folder, const std::atomic<bool>& stop) {
  const fs::path staging = lake_.root() / folder.path / "staging";
  std::error_code error;
  if (fs::is_symlink(staging, error)) return absl::OkStatus();
  int64_t removed = 0;
  for (const fs::path& writer : FoldersOf(staging)) {
    if (stop) break;
    if (!IsOldTree(writer)) continue;
    TARN_RETURN_IF_FAILPOINT("catalog.orphans.before_remove");
    fs::remove_all(writer, error);
    if (error) {
      return FailedPrecondition("FILE_IO",
                                "cannot remove " + writer.string() + ": " + error.message());
    }
    ++removed;
  }
  if (removed == 0) return absl::OkStatus();
  metrics_.orphans.With({"staging"}).Increment(static_cast<double>(removed));
  logging::Info(
      "catalog", "staging folders of dead writers were removed",
      {{"workspace", folder.key.workspace}, {"table", folder.key.SqlName()}, {"folders", removed}});
  return absl::OkStatus();
}

absl::Status OrphanSweeper::Sweep(const TableFolder& folder, const std::atomic<bool>& stop) {
  TARN_ASSIGN_OR_RETURN(const bool known, IsKnown(folder));
  if (!known) {
    // A writer that makes its table last has files here that are young.
    if (IsOldTree(lake_.root() / folder.path)) return RegisterFolder(folder);
    return absl::OkStatus();
  }
  const absl::Status staging = SweepStaging(folder, stop);
  const absl::Status data = SweepData(folder, stop);
  return staging.ok() ? data : staging;
}

absl::Status OrphanSweeper::Run(const std::atomic<bool>& stop) {
  absl::Status first;
  for (const TableFolder& folder : FindFolders()) {
    if (stop) break;
    absl::Status swept = Sweep(folder, stop);
    if (absl::IsUnavailable(swept)) return swept;
    if (!swept.ok() && first.ok()) {
      first = Annotate(swept, "sweeping " + folder.path);
    }
  }
  return first;
}

}  // namespace tarn::catalog
