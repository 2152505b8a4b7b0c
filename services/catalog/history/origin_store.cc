#include "services/catalog/history/origin_store.h"

#include "services/catalog/json_columns.h"

namespace tarn::catalog {
namespace {

std::optional<int64_t> Micros(const std::optional<absl::Time>& time) {
  if (!time) return std::nullopt;
  return absl::ToUnixMicros(*time);
}

std::vector<FileOrigin> ReadOrigins(const Row& row) {
  std::vector<FileOrigin> origins = OriginsFromJson(row.Get<std::string>("origins"));
  for (FileOrigin& origin : origins) {
    if (origin.row_count) continue;
    origin.row_count = row.Get<int64_t>("row_count");
    origin.first_commit_time = origin.last_commit_time =
        row.Get<std::optional<absl::Time>>("added_time");
  }
  return origins;
}

}  // namespace

std::vector<DataFile> OriginStore::List(const std::string& table_uid, int64_t sequence_number,
                                        const OriginFilter& filter, const std::string& after,
                                        int limit) {
  std::vector<DataFile> files;
  // Times in microseconds since 1970.
  for (const Row row : txn_.Exec(
           "SELECT f.path, f.partition, f.row_count, f.added_time, wanted.origins "
           "FROM catalog.data_files f CROSS JOIN LATERAL ("
           "  SELECT jsonb_agg(o.origin) AS origins "
           "  FROM jsonb_array_elements(coalesce(f.origins, '[{}]')) AS o(origin), "
           "    LATERAL (SELECT (extract(epoch FROM f.added_time) * 1000000)::bigint AS time) own, "
           "    LATERAL (SELECT "
           "      CASE WHEN o.origin ? 'rows' THEN (o.origin ->> 'first')::bigint ELSE own.time "
           "END "
           "        AS first, "
           "      CASE WHEN o.origin ? 'rows' THEN (o.origin ->> 'last')::bigint ELSE own.time END "
           "        AS last) t "
           "  WHERE ($4 = '' OR o.origin ->> 'source' = $4 OR o.origin ->> 'cause' = $4 "
           "         OR starts_with(o.origin ->> 'cause', $4 || '/')) "
           "    AND ($5::bigint IS NULL OR t.last >= $5::bigint) "
           "    AND ($6::bigint IS NULL OR t.first < $6::bigint)) wanted "
           "WHERE f.table_uid = $1 AND f.added_seq <= $2 "
           "AND (f.removed_seq IS NULL OR f.removed_seq > $2) "
           "AND ($3 = '' OR f.path = $3) AND f.path COLLATE \"C\" > $7 "
           "AND wanted.origins IS NOT NULL ORDER BY f.path COLLATE \"C\" LIMIT $8",
           table_uid, sequence_number, filter.path, filter.source, Micros(filter.start_time),
           Micros(filter.end_time), after, limit)) {
    files.push_back({.path = row.Get<std::string>("path"),
                     .row_count = row.Get<int64_t>("row_count"),
                     .partition = PartitionFromJson(row.Get<std::string>("partition")),
                     .origins = ReadOrigins(row)});
  }
  return files;
}

std::vector<FileOrigin> OriginStore::OfLiveFiles(const std::string& table_uid,
                                                 const std::vector<std::string>& paths) {
  std::vector<FileOrigin> origins;
  for (const Row row : txn_.Exec(
           "SELECT f.row_count, f.added_time, coalesce(f.origins, '[{}]') AS origins "
           "FROM catalog.data_files f JOIN jsonb_array_elements_text($2::jsonb) AS wanted(path) "
           "ON wanted.path = f.path WHERE f.table_uid = $1 AND f.removed_seq IS NULL",
           table_uid, StringsToJson(paths))) {
    for (FileOrigin& origin : ReadOrigins(row)) origins.push_back(std::move(origin));
  }
  return origins;
}

}  // namespace tarn::catalog
