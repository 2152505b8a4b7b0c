#include "services/catalog/history/snapshot_difference.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "services/catalog/json_columns.h"

namespace tarn::catalog {
namespace {

// differing: the rows of files that one of two snapshots has alone. $1 the table, $2 and $3 the
// earlier and the later snapshot, $4 whether the later one is the second of the two. Each branch
// reads by an index what happened between them.
constexpr char kDiffering[] =
    "WITH apart AS ("
    "  SELECT f.*, $4 AS added FROM catalog.data_files f WHERE f.table_uid = $1 "
    "    AND f.added_seq > $2 AND f.added_seq <= $3 "
    "    AND (f.removed_seq IS NULL OR f.removed_seq > $3) "
    "  UNION ALL "
    "  SELECT f.*, NOT $4 FROM catalog.data_files f WHERE f.table_uid = $1 "
    "    AND f.added_seq <= $2 AND f.removed_seq > $2 AND f.removed_seq <= $3), "
    // A file that was removed and brought back is no difference.
    "differing AS (SELECT a.* FROM apart a WHERE NOT EXISTS (SELECT 1 FROM apart b "
    "  WHERE b.path = a.path AND b.added <> a.added AND b.byte_count = a.byte_count "
    "  AND b.modify_time IS NOT DISTINCT FROM a.modify_time)) ";

// Aggregates of one side as the columns <side>_files, _rows and _bytes.
std::string Totals(const std::string& side, const std::string& condition) {
  const std::string filter = " FILTER (WHERE " + condition + ")";
  return absl::StrCat("count(*)", filter, " AS ", side, "_files, coalesce(CASE WHEN bool_or(",
                      "row_count < 0)", filter, " THEN -1 ELSE sum(row_count)", filter,
                      " END, 0)::bigint AS ", side, "_rows, coalesce(sum(byte_count)", filter,
                      ", 0)::bigint AS ", side, "_bytes");
}

FileTotals ReadTotals(const Row& row, const std::string& side) {
  return {row.Get<int64_t>(side + "_files"), row.Get<int64_t>(side + "_rows"),
          row.Get<int64_t>(side + "_bytes")};
}

}  // namespace

DifferenceSummary SnapshotDifference::Summarize(int max_partitions) {
  const std::string sql =
      absl::StrCat(kDiffering, "SELECT partition, GROUPING(partition) AS total, ",
                   Totals("added", "added"), ", ", Totals("removed", "NOT added"),
                   ", count(DISTINCT partition) AS partitions FROM differing "
                   "GROUP BY GROUPING SETS ((partition), ()) "
                   "ORDER BY total DESC, sum(abs(row_count)) DESC, partition LIMIT $5");
  DifferenceSummary summary;
  for (const Row row : txn_.Exec(sql, table_uid_, std::min(from_, to_), std::max(from_, to_),
                                 to_ >= from_, max_partitions + 1)) {
    if (row.Get<int>("total") == 1) {
      summary.added = ReadTotals(row, "added");
      summary.removed = ReadTotals(row, "removed");
      summary.partition_count = row.Get<int64_t>("partitions");
    } else {
      summary.partitions.push_back({PartitionFromJson(row.Get<std::string>("partition")),
                                    ReadTotals(row, "added"), ReadTotals(row, "removed")});
    }
  }
  return summary;
}

std::vector<FileDifference> SnapshotDifference::ListFiles(const Position& after, int limit) {
  std::vector<FileDifference> files;
  for (const Row row :
       txn_.Exec(absl::StrCat(kDiffering,
                              "SELECT added, path, derived_path, row_count, byte_count, partition, "
                              "added_seq, modify_time, added_time FROM differing "
                              "WHERE (path COLLATE \"C\", added) > ($5, $6) "
                              "ORDER BY path COLLATE \"C\", added LIMIT $7"),
                 table_uid_, std::min(from_, to_), std::max(from_, to_), to_ >= from_, after.path,
                 after.added, limit)) {
    files.push_back({.added = row.Get<bool>("added"),
                     .file = {.path = row.Get<std::string>("path"),
                              .derived_path = row.Get<std::string>("derived_path"),
                              .row_count = row.Get<int64_t>("row_count"),
                              .byte_count = row.Get<int64_t>("byte_count"),
                              .partition = PartitionFromJson(row.Get<std::string>("partition")),
                              .added_sequence_number = row.Get<int64_t>("added_seq"),
                              .modify_time = row.Get<std::optional<absl::Time>>("modify_time"),
                              .added_time = row.Get<std::optional<absl::Time>>("added_time")}});
  }
  return files;
}

}  // namespace tarn::catalog
