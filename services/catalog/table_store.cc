#include "services/catalog/table_store.h"

#include <limits>

#include "common/status/error.h"
#include "services/catalog/history/commit_origin.h"
#include "services/catalog/json_columns.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kFilesAtOnce = 10'000;

// Columns of a table, its head and a snapshot, from aliases t, h and s or expressions of their
// types; read by ReadTable and ReadSnapshot.
std::string SelectList(const std::string& t, const std::string& h, const std::string& s) {
  std::string list;
  const auto add = [&list](const std::string& from, const char* column, const char* name) {
    if (!list.empty()) list += ", ";
    list += from + "." + column + " AS " + name;
  };
  for (const char* column :
       {"uid", "workspace", "database", "name", "type", "comment", "properties", "definition",
        "last_field_id", "location", "owner", "create_time", "revision"}) {
    add(t, column, column);
  }
  add(t, "update_time", "definition_time");
  add(h, "total_files", "live_files");
  add(h, "total_rows", "live_rows");
  add(h, "total_bytes", "live_bytes");
  add(h, "uncounted_files", "uncounted_files");
  add(h, "commit_time", "head_time");
  for (const char* column :
       {"sequence_number", "snapshot_id", "parent_id", "commit_time", "operation", "schema_id",
        "committed_by", "added_files", "removed_files", "added_rows", "removed_rows", "total_files",
        "total_rows", "total_bytes", "summary"}) {
    add(s, column, column);
  }
  return list;
}

const std::string& TableSelect() {
  static const std::string sql =
      "SELECT " + SelectList("t", "h", "s") +
      " FROM catalog.tables t JOIN catalog.table_heads h ON h.table_uid = t.uid LEFT JOIN "
      "catalog.snapshots s ON s.table_uid = t.uid AND s.sequence_number = h.sequence_number ";
  return sql;
}

Snapshot ReadSnapshot(const Row& row) {
  return {.id = row.Get<int64_t>("snapshot_id"),
          .parent_id = row.Get<int64_t>("parent_id"),
          .sequence_number = row.Get<int64_t>("sequence_number"),
          .commit_time = row.Get<absl::Time>("commit_time"),
          .operation = static_cast<SnapshotOperation>(row.Get<int>("operation")),
          .schema_id = row.Get<int>("schema_id"),
          .committed_by = row.Get<std::string>("committed_by"),
          .added_files = row.Get<int64_t>("added_files"),
          .removed_files = row.Get<int64_t>("removed_files"),
          .added_rows = row.Get<int64_t>("added_rows"),
          .removed_rows = row.Get<int64_t>("removed_rows"),
          .total_files = row.Get<int64_t>("total_files"),
          .total_rows = row.Get<int64_t>("total_rows"),
          .total_bytes = row.Get<int64_t>("total_bytes"),
          .summary = MapFromJson(row.Get<std::string>("summary"))};
}

// A stored definition that this release cannot read is a fault of the program, not of the caller.
TableDefinition ReadDefinition(const std::string& json) {
  absl::StatusOr<TableDefinition> definition = DefinitionFromJson(json);
  if (!definition.ok()) throw std::runtime_error(std::string(definition.status().message()));
  return *std::move(definition);
}

SchemaVersion ReadVersion(const Row& row) {
  return {.definition = ReadDefinition(row.Get<std::string>("definition")),
          .create_time = row.Get<absl::Time>("create_time"),
          .replaced = row.Get<bool>("replaced")};
}

Table ReadTable(const Row& row) {
  Table table{.key = {row.Get<std::string>("workspace"), row.Get<std::string>("database"),
                      row.Get<std::string>("name")},
              .uid = row.Get<std::string>("uid"),
              .type = static_cast<TableType>(row.Get<int>("type")),
              .comment = row.Get<std::string>("comment"),
              .properties = MapFromJson(row.Get<std::string>("properties")),
              .definition = ReadDefinition(row.Get<std::string>("definition")),
              .last_field_id = row.Get<int>("last_field_id"),
              .location = row.Get<std::string>("location"),
              .statistics = {.row_count = row.Get<int64_t>("live_rows"),
                             .file_count = row.Get<int64_t>("live_files"),
                             .byte_count = row.Get<int64_t>("live_bytes")},
              .owner = row.Get<std::string>("owner"),
              .create_time = row.Get<absl::Time>("create_time"),
              .update_time = row.Get<absl::Time>("definition_time"),
              .revision = row.Get<int64_t>("revision")};
  if (row.Get<int64_t>("uncounted_files") > 0) table.statistics.row_count = -1;
  const auto head_time = row.Get<std::optional<absl::Time>>("head_time");
  if (head_time && *head_time > table.update_time) table.update_time = *head_time;
  if (!row.IsNull("snapshot_id")) table.current_snapshot = ReadSnapshot(row);
  return table;
}

std::optional<Table> FirstTable(const Result& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadTable(rows[0]);
}

std::optional<Snapshot> FirstSnapshot(const Result& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadSnapshot(rows[0]);
}

DataFile ReadFile(const Row& row) {
  DataFile file{.path = row.Get<std::string>("path"),
                .derived_path = row.Get<std::string>("derived_path"),
                .row_count = row.Get<int64_t>("row_count"),
                .byte_count = row.Get<int64_t>("byte_count"),
                .partition = PartitionFromJson(row.Get<std::string>("partition")),
                .added_sequence_number = row.Get<int64_t>("added_seq"),
                .modify_time = row.Get<std::optional<absl::Time>>("modify_time"),
                .added_time = row.Get<std::optional<absl::Time>>("added_time")};
  if (const auto columns = row.Get<std::optional<std::string>>("columns")) {
    file.columns = ColumnStatisticsFromJson(*columns);
  }
  return file;
}

std::optional<std::string> ConflictJson(const CommitParameters& commit) {
  if (commit.conflict_whole_table) return "\"all\"";
  if (commit.conflict_partitions.empty()) return std::nullopt;
  return PartitionsToJson(commit.conflict_partitions);
}

}  // namespace

bool TableStore::Insert(const Table& table) {
  const std::string definition = DefinitionToJson(table.definition);
  // The upper bits of snapshot ids: 20 random bits that keep ids exact in a double.
  return txn_.Exec(
                 "WITH made AS (INSERT INTO catalog.tables (uid, workspace, database, name, type, "
                 "comment, properties, definition, schema_id, last_field_id, location, owner) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9, $10, $11, $12) "
                 "ON CONFLICT (workspace, database, name) DO NOTHING RETURNING uid), "
                 "version AS (INSERT INTO catalog.table_definitions (table_uid, schema_id, "
                 "definition) SELECT uid, $9, $8::jsonb FROM made) "
                 "INSERT INTO catalog.table_heads (table_uid, snapshot_salt) "
                 "SELECT uid, 1 + floor(random() * 1048575)::bigint FROM made",
                 table.uid, table.key.workspace, table.key.database, table.key.table,
                 static_cast<int>(table.type), table.comment, MapToJson(table.properties),
                 definition, table.definition.schema.schema_id, table.last_field_id, table.location,
                 table.owner)
             .affected_rows() > 0;
}

std::optional<Table> TableStore::Find(const TableKey& key) {
  static const std::string sql =
      TableSelect() + "WHERE t.workspace = $1 AND t.database = $2 AND t.name = $3";
  return FirstTable(txn_.ExecPrepared(sql, key.workspace, key.database, key.table));
}

std::optional<Table> TableStore::FindByUid(const std::string& workspace, const std::string& uid) {
  static const std::string sql = TableSelect() + "WHERE t.workspace = $1 AND t.uid = $2";
  return FirstTable(txn_.ExecPrepared(sql, workspace, uid));
}

std::optional<Table> TableStore::Lock(const TableKey& key) {
  // Locked before it is read: a row that was read first may be the one before a change that we
  // then wait for.
  txn_.Exec(
      "SELECT 1 FROM catalog.table_heads h JOIN catalog.tables t ON t.uid = h.table_uid "
      "WHERE t.workspace = $1 AND t.database = $2 AND t.name = $3 FOR UPDATE OF h",
      key.workspace, key.database, key.table);
  return Find(key);
}

std::vector<Table> TableStore::List(const std::string& workspace, const std::string& database,
                                    const TableKey& after, int limit) {
  static const std::string sql = TableSelect() +
                                 "WHERE t.workspace = $1 AND ($2 = '' OR t.database = $2) AND "
                                 "(t.database COLLATE \"C\", t.name COLLATE \"C\") > ($3, $4) "
                                 "ORDER BY t.database COLLATE \"C\", t.name COLLATE \"C\" LIMIT $5";
  std::vector<Table> tables;
  for (const Row row : txn_.Exec(sql, workspace, database, after.database, after.table, limit)) {
    tables.push_back(ReadTable(row));
  }
  return tables;
}

std::vector<std::string> TableStore::ListNames(const std::string& workspace,
                                               const std::string& database) {
  std::vector<std::string> names;
  for (const Row row : txn_.Exec("SELECT database || '.' || name AS name FROM catalog.tables WHERE "
                                 "workspace = $1 ORDER BY database = $2 DESC LIMIT 1000",
                                 workspace, database)) {
    names.push_back(row.Get<std::string>("name"));
  }
  return names;
}

void TableStore::Update(const Table& table, bool new_definition) {
  const std::string definition = DefinitionToJson(table.definition);
  txn_.Exec(
      "UPDATE catalog.tables SET comment = $2, properties = $3::jsonb, definition = $4::jsonb, "
      "schema_id = $5, last_field_id = $6, update_time = now(), revision = revision + 1 "
      "WHERE uid = $1",
      table.uid, table.comment, MapToJson(table.properties), definition,
      table.definition.schema.schema_id, table.last_field_id);
  if (!new_definition) return;
  txn_.Exec(
      "INSERT INTO catalog.table_definitions (table_uid, schema_id, definition) "
      "VALUES ($1, $2, $3::jsonb)",
      table.uid, table.definition.schema.schema_id, definition);
}

void TableStore::Delete(const Table& table) {
  for (const char* sql : {"DELETE FROM catalog.data_files WHERE table_uid = $1",
                          "DELETE FROM catalog.snapshots WHERE table_uid = $1",
                          "DELETE FROM catalog.log_positions WHERE table_uid = $1",
                          "DELETE FROM catalog.tables WHERE uid = $1"}) {
    txn_.Exec(sql, table.uid);
  }
}

absl::StatusOr<CommitOutcome> TableStore::Commit(const CommitParameters& commit) {
  static const std::string sql =
      "SELECT c.outcome, c.detail, " + SelectList("(c.t)", "(c.h)", "(c.s)") +
      " FROM catalog.commit_table($1, $2, $3, $4, $5::smallint, $6::bigint, $7::integer, "
      "$8::jsonb, $9::jsonb, $10::jsonb, $11, $12::bigint, $13::bigint, $14::jsonb, $15, $16) c";
  std::optional<std::string> removed;
  if (!commit.remove_all) removed = StringsToJson(commit.removed_paths);
  std::optional<std::string> log_id;
  std::optional<int64_t> log_from, log_to;
  if (commit.log_range) {
    log_id = commit.log_range->log_id;
    log_from = commit.log_range->from;
    log_to = commit.log_range->to;
  }
  const Row row =
      txn_.ExecPrepared(sql, commit.key.workspace, commit.key.database, commit.key.table,
                        commit.request_id, static_cast<int>(commit.operation),
                        commit.base_snapshot_id, commit.schema_id,
                        FilesToJson(commit.added_files, OriginOf(commit)), removed,
                        ConflictJson(commit), log_id, log_from, log_to, MapToJson(commit.summary),
                        commit.committed_by, commit.call_request_id)
          .One();
  CommitOutcome outcome{.outcome = row.Get<std::string>("outcome"),
                        .detail = row.Get<std::optional<std::string>>("detail").value_or("")};
  if (outcome.outcome == "COMMITTED" || outcome.outcome == "REPLAYED") {
    outcome.table = ReadTable(row);
    outcome.snapshot = ReadSnapshot(row);
  }
  return outcome;
}

bool TableStore::HasCommit(const std::string& uid, const std::string& request_id) {
  return !txn_.Exec("SELECT 1 FROM catalog.snapshots WHERE table_uid = $1 AND request_id = $2", uid,
                    request_id)
              .empty();
}

bool TableStore::HasSnapshot(const std::string& uid, int64_t sequence_number) {
  return !txn_.Exec("SELECT 1 FROM catalog.snapshots WHERE table_uid = $1 AND sequence_number = $2",
                    uid, sequence_number)
              .empty();
}

std::optional<Snapshot> TableStore::FindSnapshot(const std::string& uid, int64_t snapshot_id) {
  return FirstSnapshot(txn_.ExecPrepared(
      "SELECT * FROM catalog.snapshots WHERE table_uid = $1 AND sequence_number = $2::bigint & "
      "4294967295 AND snapshot_id = $2::bigint",
      uid, snapshot_id));
}

std::optional<Snapshot> TableStore::FindSnapshotAt(const std::string& uid, absl::Time time) {
  return FirstSnapshot(
      txn_.Exec("SELECT * FROM catalog.snapshots WHERE table_uid = $1 AND commit_time <= $2 "
                "ORDER BY commit_time DESC, sequence_number DESC LIMIT 1",
                uid, time));
}

std::optional<Snapshot> TableStore::OldestSnapshot(const std::string& uid) {
  return FirstSnapshot(
      txn_.Exec("SELECT * FROM catalog.snapshots WHERE table_uid = $1 ORDER BY sequence_number "
                "LIMIT 1",
                uid));
}

std::vector<Snapshot> TableStore::ListSnapshots(const std::string& uid, int64_t before, int limit) {
  return ReadSnapshots(
      txn_.Exec("SELECT * FROM catalog.snapshots WHERE table_uid = $1 AND sequence_number < $2 "
                "ORDER BY sequence_number DESC LIMIT $3",
                uid, before, limit));
}

std::vector<Snapshot> TableStore::ReadSnapshots(const Result& rows) {
  std::vector<Snapshot> snapshots;
  for (const Row row : rows) snapshots.push_back(ReadSnapshot(row));
  return snapshots;
}

Snapshot TableStore::RollBack(const std::string& uid, int64_t sequence_number,
                              const std::string& request_id,
                              const std::map<std::string, std::string>& summary,
                              const std::string& committed_by, const std::string& call_request_id) {
  return ReadSnapshot(
      txn_.Exec("SELECT * FROM catalog.rollback_table($1, $2, $3, $4::jsonb, $5, $6)", uid,
                sequence_number, request_id, MapToJson(summary), committed_by, call_request_id)
          .One());
}

bool TableStore::WasReplaced(const std::string& uid, int earlier, int later) {
  return !txn_.Exec(
                  "SELECT 1 FROM catalog.table_definitions WHERE table_uid = $1 AND schema_id > "
                  "$2 AND schema_id <= $3 AND replaced LIMIT 1",
                  uid, earlier, later)
              .empty();
}

void TableStore::MarkReplaced(const std::string& uid, int schema_id) {
  txn_.Exec(
      "UPDATE catalog.table_definitions SET replaced = true WHERE table_uid = $1 AND schema_id = "
      "$2",
      uid, schema_id);
}

std::optional<SchemaVersion> TableStore::FindVersion(const std::string& uid, int schema_id) {
  const Result rows = txn_.Exec(
      "SELECT definition, create_time, replaced FROM catalog.table_definitions WHERE table_uid = "
      "$1 "
      "AND schema_id = $2",
      uid, schema_id);
  if (rows.empty()) return std::nullopt;
  return ReadVersion(rows[0]);
}

std::vector<SchemaVersion> TableStore::ListVersions(const std::string& uid, int64_t before,
                                                    int limit) {
  std::vector<SchemaVersion> versions;
  for (const Row row :
       txn_.Exec("SELECT definition, create_time, replaced FROM catalog.table_definitions WHERE "
                 "table_uid = $1 AND schema_id < $2::bigint ORDER BY schema_id DESC LIMIT $3",
                 uid, before, limit)) {
    versions.push_back(ReadVersion(row));
  }
  return versions;
}

absl::StatusOr<TableDefinition> TableStore::DefinitionOf(const std::string& uid, int schema_id) {
  const Result rows = txn_.ExecPrepared(
      "SELECT definition FROM catalog.table_definitions WHERE table_uid = $1 AND schema_id = $2",
      uid, schema_id);
  if (rows.empty()) {
    return Internal("SCHEMA_VERSION_MISSING",
                    "schema version " + std::to_string(schema_id) + " of a table is not stored");
  }
  return DefinitionFromJson(rows[0].Get<std::string>("definition"));
}

void TableStore::VisitFiles(const std::string& uid, int64_t sequence_number, bool with_statistics,
                            const std::function<void(DataFile)>& visit) {
  // Which files a snapshot has never changes, so pieces may be read at different times.
  int64_t after_seq = 0;
  std::string after_path;
  while (true) {
    // Live files and those that were removed later apart, so that each branch has its index;
    // planned for these values each time, since a plan for any snapshot reads all files that ever
    // were.
    const Result rows = txn_.Exec(
        "SELECT path, derived_path, added_seq, row_count, byte_count, partition, "
        "CASE WHEN $5 THEN columns END AS columns, modify_time, added_time FROM ("
        "(SELECT * FROM catalog.data_files WHERE table_uid = $1 AND removed_seq IS NULL AND "
        "added_seq <= $2 AND (added_seq, path) > ($3, $4) ORDER BY added_seq, path LIMIT $6) "
        "UNION ALL "
        "(SELECT * FROM catalog.data_files WHERE table_uid = $1 AND removed_seq > $2 AND "
        "added_seq <= $2 AND (added_seq, path) > ($3, $4) ORDER BY added_seq, path LIMIT $6)) f "
        "ORDER BY added_seq, path LIMIT $6",
        uid, sequence_number, after_seq, after_path, with_statistics, kFilesAtOnce);
    for (const Row row : rows) visit(ReadFile(row));
    if (rows.size() < static_cast<size_t>(kFilesAtOnce)) return;
    const Row last = rows[rows.size() - 1];
    after_seq = last.Get<int64_t>("added_seq");
    after_path = last.Get<std::string>("path");
  }
}

FileChanges TableStore::ChangesBetween(const std::string& uid, int64_t from, int64_t to) {
  FileChanges changes;
  for (const Row row :
       txn_.Exec("SELECT path, derived_path, added_seq, row_count, byte_count, partition, columns, "
                 "modify_time, added_time FROM catalog.data_files WHERE table_uid = $1 AND "
                 "added_seq > $2 "
                 "AND added_seq <= $3 AND (removed_seq IS NULL OR removed_seq > $3) "
                 "ORDER BY added_seq, path",
                 uid, from, to)) {
    changes.added.push_back(ReadFile(row));
  }
  for (const Row row :
       txn_.Exec("SELECT path, added_seq FROM catalog.data_files WHERE table_uid = $1 AND "
                 "added_seq <= $2 "
                 "AND removed_seq > $2 AND removed_seq <= $3 ORDER BY added_seq, path",
                 uid, from, to)) {
    changes.removed.push_back({row.Get<std::string>("path"), row.Get<int64_t>("added_seq")});
  }
  return changes;
}

std::vector<DataFile> TableStore::LiveFiles(const std::string& uid) {
  std::vector<DataFile> files;
  VisitFiles(uid, std::numeric_limits<int64_t>::max() - 1, /*with_statistics=*/false,
             [&files](DataFile file) { files.push_back(std::move(file)); });
  return files;
}

std::optional<std::string> TableStore::FindFileBeyond(const std::string& uid, int field_id,
                                                      bool may_be_missing, int64_t limit) {
  // columns: [[field id, null count, lower, upper], …]. Without bounds all values are NULL.
  const Result rows = txn_.Exec(
      "SELECT f.path FROM catalog.data_files f "
      "LEFT JOIN LATERAL (SELECT c FROM jsonb_array_elements(f.columns) AS c "
      "  WHERE (c ->> 0)::integer = $2 LIMIT 1) s ON true "
      "WHERE f.table_uid = $1 AND f.removed_seq IS NULL AND f.row_count <> 0 AND NOT coalesce("
      "  CASE WHEN s.c IS NULL THEN $3 AND jsonb_array_length(f.columns) > 0 "
      "       WHEN s.c ->> 2 IS NULL OR s.c ->> 3 IS NULL THEN (s.c ->> 1)::bigint = f.row_count "
      "       ELSE (s.c ->> 2)::numeric >= -$4::bigint AND (s.c ->> 3)::numeric <= $4::bigint END,"
      "  false) LIMIT 1",
      uid, field_id, may_be_missing, limit);
  if (rows.empty()) return std::nullopt;
  return rows[0].Get<std::string>("path");
}

std::optional<int64_t> TableStore::LogPosition(const std::string& uid, const std::string& log_id) {
  const Result rows = txn_.ExecPrepared(
      "SELECT position FROM catalog.log_positions WHERE table_uid = $1 AND log_id = $2", uid,
      log_id);
  if (rows.empty()) return std::nullopt;
  return rows[0].Get<int64_t>("position");
}

void TableStore::AddGarbage(const std::string& workspace, const std::string& path,
                            absl::Duration grace) {
  txn_.Exec(
      "INSERT INTO catalog.garbage (workspace, path, delete_after) VALUES ($1, $2, now() + "
      "$3::bigint * interval '1 millisecond') ON CONFLICT DO NOTHING",
      workspace, path, absl::ToInt64Milliseconds(grace));
}

bool TableStore::IsGarbage(const std::string& workspace, const std::string& path) {
  return !txn_.Exec("SELECT 1 FROM catalog.garbage WHERE workspace = $1 AND path = $2", workspace,
                    path)
              .empty();
}

}  // namespace tarn::catalog
