#include "services/catalog/maintenance/snapshot_expirer.h"

#include <algorithm>

#include <absl/strings/numbers.h>

#include "common/config/option_value.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/table_manager.h"

namespace tarn::catalog {
namespace {

constexpr char kMaxAge[] = "tarn.snapshots.max_age";
constexpr char kMinCount[] = "tarn.snapshots.min_count";

}  // namespace

absl::StatusOr<ExpiryRule> ExpiryRuleOf(const Table& table) {
  ExpiryRule rule;
  if (const auto age = table.properties.find(kMaxAge); age != table.properties.end()) {
    const absl::StatusOr<absl::Duration> parsed = config::ParseDuration(age->second);
    if (!parsed.ok() || *parsed <= absl::ZeroDuration()) {
      return InvalidFields(
          {{std::string("properties.") + kMaxAge, "is a duration like 12h or 30d"}});
    }
    rule.max_age = *parsed;
  }
  if (const auto count = table.properties.find(kMinCount); count != table.properties.end()) {
    if (!absl::SimpleAtoi(count->second, &rule.min_count) || rule.min_count < 1) {
      return InvalidFields({{std::string("properties.") + kMinCount, "is a number from 1"}});
    }
  }
  return rule;
}

absl::StatusOr<int64_t> ExpireSnapshots(Transaction& txn, const TableKey& key) {
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Lock(key));
  TARN_ASSIGN_OR_RETURN(const ExpiryRule rule, ExpiryRuleOf(table));
  if (!table.current_snapshot) return 0;
  const int64_t last = table.current_snapshot->sequence_number - rule.min_count;
  const int64_t expired =
      txn.Exec(
             "DELETE FROM catalog.snapshots WHERE table_uid = $1 AND sequence_number <= $2 AND "
             "commit_time < now() - $3::bigint * interval '1 millisecond'",
             table.uid, last, absl::ToInt64Milliseconds(std::max(rule.max_age, kMinSnapshotAge)))
          .affected_rows();
  if (expired == 0) return 0;
  // Commit times ascend with sequence numbers, so the snapshots that are left have no gap below.
  const int64_t oldest =
      txn.Exec("SELECT min(sequence_number) AS oldest FROM catalog.snapshots WHERE table_uid = $1",
               table.uid)
          .One()
          .Get<int64_t>("oldest");
  // The files of an external table are not ours; their Parquet copies are.
  return txn
      .Exec(
          "WITH gone AS (DELETE FROM catalog.data_files WHERE table_uid = $1 AND removed_seq <= $2 "
          "RETURNING path, derived_path) "
          "INSERT INTO catalog.garbage (workspace, path, delete_after) "
          "SELECT DISTINCT $3, g.path, now() + $5::bigint * interval '1 millisecond' FROM ("
          "  SELECT CASE WHEN $4 THEN path ELSE derived_path END AS path FROM gone) g "
          "WHERE g.path <> '' "
          // Each may be of a snapshot that is left as well: a file can be added again.
          "AND NOT EXISTS (SELECT 1 FROM catalog.data_files f WHERE f.table_uid = $1 "
          "  AND (f.removed_seq IS NULL OR f.removed_seq > $2) AND f.path = g.path) "
          "AND NOT EXISTS (SELECT 1 FROM catalog.data_files f WHERE f.table_uid = $1 "
          "  AND (f.removed_seq IS NULL OR f.removed_seq > $2) AND f.derived_path = g.path) "
          "ON CONFLICT DO NOTHING",
          table.uid, oldest, key.workspace, table.type == TableType::kManaged,
          absl::ToInt64Milliseconds(kGarbageGrace))
      .affected_rows();
}

}  // namespace tarn::catalog
