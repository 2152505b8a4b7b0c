#include "services/ingestion/activity/relation_tables.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/duckdb/row_writer.h"
#include "common/ids/ids.h"
#include "common/logging/logging.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

// Tables that no batch asked for in this time are given up.
constexpr absl::Duration kUnusedTime = absl::Minutes(10);
// How long a table that could not be read again is left alone.
constexpr absl::Duration kRetryPause = absl::Seconds(5);

std::string KeyOf(const std::string& workspace, const std::string& owner,
                  const JoinedRelation& relation) {
  if (relation.table.empty()) return absl::StrCat(workspace, "\n");
  return absl::StrCat(workspace, "\n", owner, "\n", relation.table, "\n", relation.key_count, "\n",
                      absl::StrJoin(relation.table_columns, "\n"));
}

std::string KeyList(size_t count, const char* after, const char* between) {
  std::string list;
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&list, list.empty() ? "" : between, "\"__tarn_r", i, "\"", after);
  }
  return list;
}

// Rows with these columns, from JSON arrays in lines.
std::string InsertSql(const std::string& table, const table_schema::Fields& fields) {
  std::string select;
  for (int i = 0; i < fields.size(); ++i) {
    absl::StrAppend(&select, "CAST(line ->> '$[", i, "]' AS ",
                    table_schema::EngineTypeOf(fields[i]), "), ");
  }
  return absl::StrCat("INSERT INTO ", table, " SELECT ", select,
                      "true FROM (SELECT unnest(string_split($1::VARCHAR, chr(10))) AS line) WHERE "
                      "line <> ''");
}

table_schema::Fields DeviceFields() {
  table_schema::Fields fields;
  for (int i = 0; i < 3; ++i) fields.Add()->set_type("string");
  return fields;
}

}  // namespace

RelationTable::~RelationTable() {
  if (const absl::Status dropped = connection_.Execute("DROP TABLE IF EXISTS " + name_);
      !dropped.ok()) {
    logging::Warn("ingestion", "a look-up's rows stay in memory", dropped);
  }
}

absl::StatusOr<RelationTablePtr> RelationTables::LoadTable(const RelationRows& rows,
                                                           const JoinedRelation& relation) {
  TARN_ASSIGN_OR_RETURN(duckdb::Connection connection, engine_.Connect());
  const std::string name = absl::StrCat("memory.main.\"tarn_relation_", NewUuid(), "\"");
  std::string columns;
  for (int i = 0; i < rows.fields.size(); ++i) {
    absl::StrAppend(&columns, "\"__tarn_r", i, "\" ", table_schema::EngineTypeOf(rows.fields[i]),
                    ", ");
  }
  auto table = std::make_shared<RelationTable>(connection, name);
  TARN_RETURN_IF_ERROR(connection.Execute(
      absl::StrCat("CREATE TABLE ", name, " (", columns, "__tarn_hit BOOLEAN)")));
  for (const std::string& batch : rows.batches) {
    TARN_RETURN_IF_ERROR(
        connection.Query(InsertSql(name, rows.fields), {duckdb::Value(batch)}).status());
  }
  const std::string keys = KeyList(relation.key_count, "", ", ");
  TARN_ASSIGN_OR_RETURN(
      const duckdb::QueryResult twice,
      connection.Query(absl::StrCat(
          "SELECT ", keys, " FROM ", name, " GROUP BY ", keys, " HAVING count(*) > 1 AND ",
          KeyList(relation.key_count, " IS NOT NULL", " AND "), " LIMIT 1")));
  for (const duckdb::Chunk& chunk : twice.chunks()) {
    std::string row;
    duckdb::JsonRowWriter(twice.schema()).AppendRow(chunk, 0, row);
    return FailedPrecondition("LOOKUP_KEY_NOT_UNIQUE",
                              absl::StrCat("several rows of ", relation.table,
                                           " have the same key; look up a view of it that has one "
                                           "row a key"),
                              {{"table", relation.table}});
  }
  return table;
}

absl::StatusOr<RelationTablePtr> RelationTables::LoadDevices(const DeviceSnapshot& snapshot) {
  constexpr size_t kBatchBytes = 4u << 20;
  RelationRows rows{.fields = DeviceFields()};
  rows.batches.emplace_back();
  for (const auto& [id, device] : snapshot.devices) {
    if (rows.batches.back().size() > kBatchBytes) rows.batches.emplace_back();
    std::string& lines = rows.batches.back();
    lines += '[';
    duckdb::AppendJsonString(device->id, lines);
    lines += ',';
    duckdb::AppendJsonString(device->type, lines);
    lines += ',';
    duckdb::AppendJsonString(device->attributes, lines);
    lines += "]\n";
  }
  return LoadTable(rows, {.key_count = 1});
}

absl::StatusOr<RelationTablePtr> RelationTables::Refresh(Entry& entry, const std::string& workspace,
                                                         const std::string& owner,
                                                         const JoinedRelation& relation,
                                                         absl::Time now) {
  if (relation.table.empty()) {
    TARN_ASSIGN_OR_RETURN(const DeviceSnapshotPtr snapshot, source_.Devices(workspace));
    if (entry.table != nullptr && entry.device_version == snapshot->version) return entry.table;
    TARN_ASSIGN_OR_RETURN(RelationTablePtr table, LoadDevices(*snapshot));
    entry.device_version = snapshot->version;
    return table;
  }
  if (entry.table != nullptr && now - entry.read_time < relation.refresh_interval) {
    return entry.table;
  }
  absl::StatusOr<RelationRows> rows =
      source_.ReadTable(workspace, owner, relation.table, relation.table_columns);
  absl::StatusOr<RelationTablePtr> table =
      rows.ok() ? LoadTable(*rows, relation) : absl::StatusOr<RelationTablePtr>(rows.status());
  if (table.ok()) {
    entry.read_time = now;
    return table;
  }
  if (entry.table == nullptr) {
    return Annotate(table.status(), absl::StrCat("looking up in ", relation.table));
  }
  logging::Warn("ingestion", "a look-up goes on with the rows that it has", table.status(),
                {{"table", relation.table}});
  entry.read_time =
      now - relation.refresh_interval + std::min(kRetryPause, relation.refresh_interval);
  return entry.table;
}

absl::StatusOr<RelationTablePtr> RelationTables::Get(const std::string& workspace,
                                                     const std::string& owner,
                                                     const JoinedRelation& relation) {
  const absl::Time now = clock_.Now();
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard lock(mutex_);
    std::shared_ptr<Entry>& slot = entries_[KeyOf(workspace, owner, relation)];
    if (slot == nullptr) slot = std::make_shared<Entry>();
    slot->used_time = now;
    entry = slot;
  }
  std::lock_guard refreshing(entry->refreshing);
  if (const int64_t opening = engine_.open_count(); entry->engine_opening != opening) {
    entry->engine_opening = opening;
    entry->table = nullptr;
    entry->read_time = absl::InfinitePast();
    entry->device_version = -1;
  }
  TARN_ASSIGN_OR_RETURN(RelationTablePtr table, Refresh(*entry, workspace, owner, relation, now));
  entry->table = table;
  return table;
}

void RelationTables::DropUnused() {
  std::vector<std::shared_ptr<Entry>> unused;  // dropped without the lock
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (clock_.Now() - entry->second->used_time < kUnusedTime) {
      ++entry;
      continue;
    }
    unused.push_back(std::move(entry->second));
    entry = entries_.erase(entry);
  }
}

}  // namespace tarn::ingestion
