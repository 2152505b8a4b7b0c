#include "services/catalog/maintenance/snapshot_expirer.h"

#include <algorithm>
#include <limits>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/config/option_value.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/history/tag_store.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

constexpr char kMaxAge[] = "tarn.snapshots.max_age";
constexpr char kMinCount[] = "tarn.snapshots.min_count";

// The rule for one table as it is now, in the parameters of the conditions below: $1 the table's
// uid, $2 the last sequence number that is not among the newest, $3 the age in milliseconds, $4
// whether the table's own files are Tarn's. now() is the transaction's time, so that all statements
// of one decide alike.
struct Limits {
  int64_t last = 0;
  int64_t age = 0;
  bool managed = true;
};

// Of a snapshot s: that it is old enough to go.
constexpr char kIsOld[] =
    "(s.sequence_number <= $2 AND s.commit_time < now() - $3::bigint * interval '1 millisecond')";

// Of a snapshot s: that a tag keeps it.
std::string IsTagged() {
  return absl::StrCat(
      "EXISTS (SELECT 1 FROM catalog.tags g WHERE g.table_uid = s.table_uid AND g.sequence_number "
      "= s.sequence_number AND ",
      kTagIsThere, ")");
}

// Old snapshots of the table, followed by "AND" and more.
std::string OldSnapshots() {
  return absl::StrCat("catalog.snapshots s WHERE s.table_uid = $1 AND ", kIsOld);
}

// lost: the rows of files that no snapshot names once those are gone that expire. Commit times
// ascend with sequence numbers, so what is not old has no gap; below it there are only tagged
// snapshots, also when the others are gone already.
// gone: those of them that are Tarn's own (of an external table: the copies that are read in the
// place of its files), but for what another row names: a file can be added again.
std::string LostFiles() {
  return absl::StrCat(
      "WITH bound AS (SELECT min(s.sequence_number) AS seq FROM catalog.snapshots s "
      "  WHERE s.table_uid = $1 AND NOT ",
      kIsOld, "), kept AS (SELECT s.sequence_number AS seq FROM ", OldSnapshots(), " AND ",
      IsTagged(),
      "), lost AS (SELECT f.ctid AS row_id, f.row_count, f.byte_count, "
      "    CASE WHEN $4 THEN f.path ELSE f.derived_path END AS path "
      "  FROM catalog.data_files f, bound WHERE f.table_uid = $1 AND f.removed_seq <= bound.seq "
      "  AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.seq >= f.added_seq AND kept.seq < "
      "    f.removed_seq)), "
      "gone AS (SELECT DISTINCT ON (l.path) l.* FROM lost l WHERE l.path <> '' "
      "  AND NOT EXISTS (SELECT 1 FROM catalog.data_files f WHERE f.table_uid = $1 "
      "    AND f.path = l.path AND f.ctid NOT IN (SELECT row_id FROM lost)) "
      "  AND NOT EXISTS (SELECT 1 FROM catalog.data_files f WHERE f.table_uid = $1 "
      "    AND f.derived_path = l.path AND f.ctid NOT IN (SELECT row_id FROM lost)))");
}

absl::StatusOr<Limits> LimitsOf(const Table& table) {
  TARN_ASSIGN_OR_RETURN(const ExpiryRule rule, ExpiryRuleOf(table.properties));
  const int64_t newest = table.current_snapshot ? table.current_snapshot->sequence_number : 0;
  return Limits{newest - rule.min_count, absl::ToInt64Milliseconds(rule.max_age),
                table.type == TableType::kManaged};
}

ExpiryEffect EffectOf(Transaction& txn, const Table& table, const Limits& limits) {
  const Row counts =
      txn.Exec(absl::StrCat("SELECT count(*) FILTER (WHERE NOT tagged) AS expiring, count(*) "
                            "FILTER (WHERE tagged) AS tagged FROM (SELECT ",
                            IsTagged(), " AS tagged FROM ", OldSnapshots(), ") s"),
               table.uid, limits.last, limits.age)
          .One();
  ExpiryEffect effect{.snapshots = counts.Get<int64_t>("expiring"),
                      .tagged_snapshots = counts.Get<int64_t>("tagged")};
  if (effect.snapshots == 0) return effect;
  const Row files =
      txn.Exec(LostFiles() +
                   " SELECT count(*) AS files, coalesce(CASE WHEN bool_or(row_count < 0) THEN -1 "
                   "ELSE sum(row_count) END, 0)::bigint AS rows, "
                   "coalesce(sum(byte_count), 0)::bigint AS bytes FROM gone",
               table.uid, limits.last, limits.age, limits.managed)
          .One();
  effect.files = {files.Get<int64_t>("files"), files.Get<int64_t>("rows"),
                  files.Get<int64_t>("bytes")};
  return effect;
}

// Makes garbage of the files that no snapshot names any more; how many.
int64_t LetFilesGo(Transaction& txn, const Table& table, const Limits& limits) {
  return txn
      .Exec(LostFiles() +
                ", forgotten AS (DELETE FROM catalog.data_files f USING lost l "
                "  WHERE f.ctid = l.row_id) "
                "INSERT INTO catalog.garbage (workspace, path, delete_after) SELECT $5, path, "
                "now() + $6::bigint * interval '1 millisecond' FROM gone ON CONFLICT DO NOTHING",
            table.uid, limits.last, limits.age, limits.managed, table.key.workspace,
            absl::ToInt64Milliseconds(kGarbageGrace))
      .affected_rows();
}

}  // namespace

absl::StatusOr<ExpiryRule> ExpiryRuleOf(const std::map<std::string, std::string>& properties) {
  ExpiryRule rule;
  if (const auto age = properties.find(kMaxAge); age != properties.end()) {
    const absl::StatusOr<absl::Duration> parsed = config::ParseDuration(age->second);
    if (!parsed.ok() || *parsed <= absl::ZeroDuration()) {
      return InvalidFields(
          {{std::string("properties.") + kMaxAge, "is a duration like 12h or 30d"}});
    }
    rule.max_age = std::max(*parsed, kMinSnapshotAge);
  }
  if (const auto count = properties.find(kMinCount); count != properties.end()) {
    if (!absl::SimpleAtoi(count->second, &rule.min_count) || rule.min_count < 1) {
      return InvalidFields({{std::string("properties.") + kMinCount, "is a number from 1"}});
    }
  }
  return rule;
}

absl::StatusOr<ExpiryEffect> PreviewExpiry(Transaction& txn, const Table& table) {
  TARN_ASSIGN_OR_RETURN(const Limits limits, LimitsOf(table));
  return EffectOf(txn, table, limits);
}

absl::StatusOr<std::vector<Snapshot>> ListExpiring(Transaction& txn, const Table& table,
                                                   int64_t before, int limit) {
  TARN_ASSIGN_OR_RETURN(const Limits limits, LimitsOf(table));
  return TableStore::ReadSnapshots(
      txn.Exec(absl::StrCat("SELECT s.* FROM ", OldSnapshots(), " AND NOT ", IsTagged(),
                            " AND s.sequence_number < $4 ORDER BY s.sequence_number DESC LIMIT $5"),
               table.uid, limits.last, limits.age, before, limit));
}

absl::StatusOr<Expired> ExpireSnapshots(Transaction& txn, const TableKey& key) {
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Lock(key));
  TARN_ASSIGN_OR_RETURN(const Limits limits, LimitsOf(table));
  TagStore(txn).DeleteEnded(table.uid);
  Expired expired;
  expired.snapshots =
      txn.Exec(absl::StrCat("DELETE FROM ", OldSnapshots(), " AND NOT ", IsTagged()), table.uid,
               limits.last, limits.age)
          .affected_rows();
  if (expired.snapshots > 0) expired.files = LetFilesGo(txn, table, limits);
  return expired;
}

}  // namespace tarn::catalog
