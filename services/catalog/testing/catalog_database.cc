#include "services/catalog/testing/catalog_database.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "common/events/event.h"
#include "common/status/status_macros.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/migrations.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

absl::Status Migrate(PostgresPool& pool) {
  TARN_RETURN_IF_ERROR(events::Migrate(pool));
  return ApplyMigrations(pool, "catalog", Migrations());
}

}  // namespace

CatalogDatabase::CatalogDatabase() : db_(Migrate) {
  const absl::Status made = pool().Run(
      [&](Transaction& txn) { return DatabaseManager(txn).Create(actor_, {.id = "d"}).status(); });
  EXPECT_TRUE(made.ok()) << made;
}

Table CatalogDatabase::CreateTable(const std::string& name, bool partitioned) {
  Table table{.key = Key(name)};
  table.definition.schema.fields = {{.name = "id", .type = {TypeKind::kLong}},
                                    {.name = "dt", .type = {TypeKind::kDate}}};
  if (partitioned) table.definition.partition_fields = {{"dt", {}, "dt"}};
  absl::StatusOr<Table> made =
      pool().Run([&](Transaction& txn) { return TableManager(txn).Create(actor_, table); });
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

Table CatalogDatabase::GetTable(const std::string& name) {
  absl::StatusOr<Table> table =
      pool().Run([&](Transaction& txn) { return TableManager(txn).Get(Key(name)); });
  EXPECT_TRUE(table.ok()) << table.status();
  return *std::move(table);
}

std::vector<std::string> CatalogDatabase::LivePaths(const std::string& name) {
  const std::string uid = GetTable(name).uid;
  std::vector<std::string> paths;
  const absl::Status read = pool().Run([&](Transaction& txn) -> absl::Status {
    for (const DataFile& file : TableStore(txn).LiveFiles(uid)) paths.push_back(file.path);
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::StatusOr<CommitResult> CatalogDatabase::Commit(const CommitRequest& request) {
  return CommitManager(pool()).Commit(actor_, request);
}

DataFile TestFile(const std::string& name, int64_t rows, const std::string& dt) {
  DataFile file{
      .path = "default/warehouse/d/t-1/data/" + name, .row_count = rows, .byte_count = 100 * rows};
  if (!dt.empty()) file.partition = {{"dt", dt}};
  return file;
}

CommitRequest Append(const std::string& table, const std::string& request_id,
                     std::vector<DataFile> files) {
  CommitRequest request;
  request.parameters = {.key = {"default", "d", table},
                        .request_id = request_id,
                        .operation = SnapshotOperation::kAppend,
                        .added_files = std::move(files),
                        .committed_by = "ada"};
  return request;
}

}  // namespace tarn::catalog
