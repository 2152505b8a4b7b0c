// Tests of a table's history: a table d.t and short ways to change it, to make it old and to look
// at what is left of it.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/history/table_rollback.h"
#include "services/catalog/history/tag_manager.h"
#include "services/catalog/live_file_cache.h"
#include "services/catalog/maintenance/snapshot_expirer.h"
#include "services/catalog/scan_planner.h"
#include "services/catalog/table_store.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() { catalog_.CreateTable("t"); }

  Snapshot Append(const std::string& file) {
    auto made = catalog_.Commit(catalog::Append("t", "append-" + file, {TestFile(file)}));
    EXPECT_OK(made);
    return made->snapshot;
  }
  // A snapshot with `added` alone.
  Snapshot Replace(const std::string& added) {
    CommitRequest request = catalog::Append("t", "replace-" + added, {TestFile(added)});
    request.parameters.operation = SnapshotOperation::kOverwrite;
    request.parameters.remove_all = true;
    auto made = catalog_.Commit(request);
    EXPECT_OK(made);
    return made->snapshot;
  }
  absl::StatusOr<Tag> MakeTag(const Tag& tag, const SnapshotReference& at = {}) {
    return catalog_.pool().Run([&](Transaction& txn) {
      return TagManager(txn).Create(catalog_.actor(), catalog_.Key("t"), tag, at);
    });
  }
  absl::Status DeleteTag(const std::string& name) {
    return catalog_.pool().Run([&](Transaction& txn) {
      return TagManager(txn).Delete(catalog_.actor(), catalog_.Key("t"), name);
    });
  }
  void Exec(const std::string& sql) {
    EXPECT_OK(catalog_.pool().Run([&](Transaction& txn) -> absl::Status {
      txn.Exec(sql);
      return absl::OkStatus();
    }));
  }
  // Everything so far was so long ago.
  void Age(const std::string& interval) {
    for (const char* table : {"catalog.snapshots", "catalog.table_heads"}) {
      Exec("UPDATE " + std::string(table) + " SET commit_time = commit_time - interval '" +
           interval + "'");
    }
    Exec("UPDATE catalog.tables SET create_time = create_time - interval '" + interval + "'");
  }
  // Keeps one snapshot, and those younger than an hour.
  void KeepLittle() {
    Exec(
        "UPDATE catalog.tables SET properties = '{\"tarn.snapshots.max_age\": \"1h\", "
        "\"tarn.snapshots.min_count\": \"1\"}'");
  }
  Expired Expire() {
    auto expired = catalog_.pool().Run(
        [&](Transaction& txn) { return ExpireSnapshots(txn, catalog_.Key("t")); });
    EXPECT_OK(expired);
    return *expired;
  }
  // The names of the files of a snapshot.
  absl::StatusOr<std::vector<std::string>> Files(const SnapshotReference& at,
                                                 LiveFileCache* cache = nullptr) {
    TARN_ASSIGN_OR_RETURN(const ScanPlan plan, catalog_.pool().RunReadOnly([&](Transaction& txn) {
      return PlanFiles(txn, {.key = catalog_.Key("t"), .at = at}, cache);
    }));
    std::vector<std::string> names;
    for (const DataFile& file : plan.files) {
      names.push_back(file.path.substr(file.path.rfind('/') + 1));
    }
    return names;
  }
  // Those that there are, the newest first.
  std::vector<Snapshot> Snapshots() {
    const std::string uid = catalog_.GetTable("t").uid;
    std::vector<Snapshot> snapshots;
    EXPECT_OK(catalog_.pool().Run([&](Transaction& txn) -> absl::Status {
      snapshots = TableStore(txn).ListSnapshots(uid, std::numeric_limits<int64_t>::max(), 10'000);
      return absl::OkStatus();
    }));
    return snapshots;
  }
  // The names of files that are to be removed.
  std::vector<std::string> Garbage() {
    std::vector<std::string> names;
    EXPECT_OK(catalog_.pool().Run([&](Transaction& txn) -> absl::Status {
      names.clear();
      for (const Row row : txn.Exec("SELECT path FROM catalog.garbage ORDER BY path")) {
        const auto path = row.Get<std::string>("path");
        names.push_back(path.substr(path.rfind('/') + 1));
      }
      return absl::OkStatus();
    }));
    return names;
  }

  absl::StatusOr<Snapshot> RollBackTo(const SnapshotReference& to, int64_t base = 0,
                                      const std::string& request_id = "") {
    return catalog_.pool().Run([&](Transaction& txn) {
      return RollBack(txn, catalog_.actor(),
                      {.table = catalog_.Key("t"),
                       .to = to,
                       .base_snapshot_id = base,
                       .request_id = request_id});
    });
  }

  CatalogDatabase catalog_;
};

}  // namespace tarn::catalog
