#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/failpoint/failpoint.h"
#include "common/lake/parquet_writer.h"
#include "common/table_schema/engine_types.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/history/origin_store.h"
#include "services/catalog/maintenance/compactor.h"
#include "services/catalog/maintenance/garbage_collector.h"
#include "services/catalog/maintenance/maintenance_manager.h"
#include "services/catalog/maintenance/maintenance_store.h"
#include "services/catalog/maintenance/maintenance_worker.h"
#include "services/catalog/maintenance/snapshot_expirer.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/testing/crawl_fixture.h"

namespace tarn::catalog {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class MaintenanceTest : public ::testing::Test {
 protected:
  // Writes the rows of a SELECT into one file below `folder` of the table, with its field ids.
  DataFile WriteFile(const Table& table, const std::string& folder, const std::string& select) {
    v1::Table proto;
    ToProto(table, &proto);
    auto connection = fixture_.engine().Connect();
    EXPECT_OK(connection);
    auto files = lake::WriteParquet(
        *connection, select, fixture_.folder() / "staging" / std::to_string(++written_),
        {.field_ids = table_schema::FieldIdsSpec(proto.schema().fields())});
    EXPECT_OK(files);
    const std::string target = table.location + "/" + folder;
    EXPECT_OK(lake::PublishWrittenFiles(*files, fixture_.lake().root() / target));
    const lake::WrittenFile& file = files->at(0);
    return {.path = target + "/" + file.relative_path,
            .row_count = static_cast<int64_t>(file.row_count),
            .byte_count = static_cast<int64_t>(file.bytes),
            .columns = StatisticsOf(file, table.definition.schema.fields)};
  }
  // Appends one Parquet file with `id` to d.t, in the partition of `dt`.
  void AppendRow(int id, const std::string& dt) {
    DataFile file =
        WriteFile(fixture_.catalog().GetTable("t"), "dt=" + dt,
                  "SELECT " + std::to_string(id) + "::BIGINT AS id, DATE '" + dt + "' AS dt");
    file.partition = {{"dt", dt}};
    ASSERT_OK(
        fixture_.catalog().Commit(Append("t", "append-" + std::to_string(id), {std::move(file)})));
  }
  MaintenanceJob Run(MaintenanceKind kind) {
    PostgresPool& pool = fixture_.catalog().pool();
    auto job = pool.Run([&](Transaction& txn) {
      return MaintenanceManager(txn).Start(
          fixture_.catalog().actor(),
          {.table = fixture_.catalog().Key("t"), .kind = kind, .target_file_bytes = 0});
    });
    EXPECT_OK(job);
    MaintenanceWorker worker(pool, fixture_.lake(), fixture_.engine(), fixture_.metrics(), "test",
                             absl::Seconds(30));
    EXPECT_THAT(worker.RunOne(false), IsOkAndHolds(true));
    auto ended = pool.Run([&](Transaction& txn) {
      return MaintenanceManager(txn).Get(fixture_.catalog().Key("t"), job->id);
    });
    EXPECT_OK(ended);
    return *ended;
  }

  CrawlFixture fixture_;
  int written_ = 0;
};

TEST_F(MaintenanceTest, CompactionLeavesOneFileAPartitionAndTheSameRows) {
  fixture_.catalog().CreateTable("t", /*partitioned=*/true);
  AppendRow(1, "2024-01-01");
  AppendRow(2, "2024-01-01");
  AppendRow(3, "2024-01-02");
  AppendRow(4, "2024-01-02");
  AppendRow(5, "2024-01-02");
  const MaintenanceJob job = Run(MaintenanceKind::kCompact);
  EXPECT_EQ(job.execution.state, ExecutionState::kSucceeded)
      << (job.execution.failure ? job.execution.failure->message : "");
  EXPECT_EQ(job.files_before, 5);
  EXPECT_EQ(job.files_after, 2);
  EXPECT_EQ(job.rewritten_rows, 5);
  EXPECT_THAT(fixture_.catalog().LivePaths("t"), SizeIs(2));
  EXPECT_THAT(
      fixture_.Query("SELECT id, dt FROM t ORDER BY id"),
      ElementsAre("1|2024-01-01", "2|2024-01-01", "3|2024-01-02", "4|2024-01-02", "5|2024-01-02"));
  EXPECT_EQ(Run(MaintenanceKind::kCompact).rewritten_rows, 0);
  // Each row is still known by the commit that brought it.
  const std::string uid = fixture_.catalog().GetTable("t").uid;
  ASSERT_OK_AND_ASSIGN(
      const std::vector<DataFile> files,
      fixture_.catalog().pool().Run([&](Transaction& txn) -> absl::StatusOr<std::vector<DataFile>> {
        return OriginStore(txn).List(uid, /*sequence_number=*/1000, {}, "", 10);
      }));
  int64_t rows = 0;
  for (const DataFile& file : files) {
    for (const FileOrigin& origin : file.origins) {
      EXPECT_EQ(origin.kind, OriginKind::kClient);
      EXPECT_TRUE(origin.first_commit_time.has_value());
      rows += origin.row_count.value_or(-1);
    }
  }
  EXPECT_EQ(rows, 5);
}

TEST_F(MaintenanceTest, OldFilesReadRightAfterEachChangeOfColumnsAndAfterCompaction) {
  Table table{.key = fixture_.catalog().Key("t")};
  const auto column = [](const char* name, ColumnType type, std::vector<Field> parts = {}) {
    return Field{.name = name, .type = type, .fields = std::move(parts)};
  };
  const ColumnType kStruct{TypeKind::kStruct};
  table.definition.schema.fields = {
      column("n", {TypeKind::kLong}),                                          // 1
      column("i", {TypeKind::kInt}),                                           // 2
      column("f", {TypeKind::kFloat}),                                         // 3
      column("d", {TypeKind::kDecimal, 4, 1}),                                 // 4
      column("s", kStruct, {column("x", {TypeKind::kLong})}),                  // 5, 6
      column("l", {TypeKind::kList},                                           // 7
             {column("element", kStruct, {column("x", {TypeKind::kLong})})}),  // 8, 9
      column("m", {TypeKind::kMap},                                            // 10
             {column("key", {TypeKind::kString}),                              // 11
              column("value", kStruct, {column("x", {TypeKind::kLong})})}),    // 12, 13
  };
  AssignFieldIds(table.definition.schema.fields, 0);
  ASSERT_OK(fixture_.catalog().pool().Run([&](Transaction& txn) {
    return TableManager(txn).Create(fixture_.catalog().actor(), table).status();
  }));
  const auto append = [&](const std::string& id, const std::string& select,
                          const SchemaEvolution& evolution) {
    Table now = fixture_.catalog().GetTable("t");
    auto evolved = Evolve(now.definition.schema.fields, now.last_field_id, evolution);
    ASSERT_OK(evolved);
    now.definition.schema.fields = evolved->change.fields;
    CommitRequest request = Append("t", id, {WriteFile(now, "files", select)});
    request.parameters.schema_id = now.definition.schema.schema_id;
    request.evolution = evolution;
    ASSERT_OK(fixture_.catalog().Commit(request));
  };
  append(
      "old",
      "SELECT i::BIGINT AS n, i::INTEGER AS i, (i / 10)::FLOAT AS f, (i / 10)::DECIMAL(4,1) AS d, "
      "{'x': i} AS s, [{'x': i}, NULL] AS l, MAP {'k': {'x': i}} AS m FROM range(1, 4) t(i)",
      {});
  const auto text = [&](const char* name) { return column(name, {TypeKind::kString}); };
  append("new",
         "SELECT 2.5::DOUBLE AS n, 5000000000 AS i, 0.1::DOUBLE AS f, 12345.5::DECIMAL(9,1) AS d, "
         "{'x': 2.5::DOUBLE, 'y': 'a'} AS s, [{'x': 2.5::DOUBLE, 'y': 'b'}] AS l, MAP {'k': {'x': "
         "2.5::DOUBLE, 'y': 'c'}} "
         "AS m, "
         "'new' AS z",
         {.columns = {text("z")},
          .fields = {{5, text("y")}, {8, text("y")}, {12, text("y")}},
          .widened = {{1, {TypeKind::kDouble}},
                      {2, {TypeKind::kLong}},
                      {3, {TypeKind::kDouble}},
                      {4, {TypeKind::kDecimal, 9, 1}},
                      {6, {TypeKind::kDouble}},
                      {9, {TypeKind::kDouble}},
                      {13, {TypeKind::kDouble}}}});
  const auto check = [&] {
    EXPECT_THAT(
        fixture_.Query("SELECT n, i, f, d, s, l, m, z FROM t ORDER BY n"),
        ElementsAre(
            R"(1|1|0.10000000149011612|0.1|{"x":1,"y":null}|[{"x":1,"y":null},null]|{"k":{"x":1,"y":null}}|NULL)",
            R"(2|2|0.20000000298023224|0.2|{"x":2,"y":null}|[{"x":2,"y":null},null]|{"k":{"x":2,"y":null}}|NULL)",
            R"(2.5|5000000000|0.1|12345.5|{"x":2.5,"y":"a"}|[{"x":2.5,"y":"b"}]|{"k":{"x":2.5,"y":"c"}}|new)",
            R"(3|3|0.30000001192092896|0.3|{"x":3,"y":null}|[{"x":3,"y":null},null]|{"k":{"x":3,"y":null}}|NULL)"));
    // What a value is compared with is not bent to the old files' types.
    for (const char* where :
         {"n > 1.5::DOUBLE AND n < 2.5::DOUBLE", "n = 2::DOUBLE", "n IN (2::DOUBLE, 1.6::DOUBLE)",
          "s.x > 1.5::DOUBLE AND s.x < 2.5::DOUBLE",
          "l[1].x > 1.5::DOUBLE AND l[1].x < 2.5::DOUBLE", "f > 0.2::DOUBLE AND f < 0.3::DOUBLE",
          "i > 1 AND i < 3", "d > 0.15 AND d < 0.25",
          "s.y IS NULL AND n > 1.9::DOUBLE AND n <= 2.4::DOUBLE"}) {
      EXPECT_THAT(fixture_.Query(std::string("SELECT n FROM t WHERE ") + where), ElementsAre("2"))
          << where;
    }
    EXPECT_THAT(fixture_.Query("SELECT n FROM t WHERE n = 1.6::DOUBLE"), ElementsAre());
    EXPECT_THAT(fixture_.Query("SELECT i FROM t WHERE i = 5000000000"), ElementsAre("5000000000"));
  };
  check();
  const MaintenanceJob job = Run(MaintenanceKind::kCompact);
  EXPECT_EQ(job.execution.state, ExecutionState::kSucceeded)
      << (job.execution.failure ? job.execution.failure->message : "");
  EXPECT_THAT(fixture_.catalog().LivePaths("t"), SizeIs(1));
  check();
}

TEST_F(MaintenanceTest, WhatCompactionWroteCanBecomeDoubleAlsoInsideStructs) {
  Table table{.key = fixture_.catalog().Key("t")};
  table.definition.schema.fields = {{.name = "s",
                                     .type = {TypeKind::kStruct},
                                     .fields = {{.name = "x", .type = {TypeKind::kLong}}}}};
  ASSERT_OK(fixture_.catalog().pool().Run([&](Transaction& txn) {
    return TableManager(txn).Create(fixture_.catalog().actor(), table).status();
  }));
  const Table made = fixture_.catalog().GetTable("t");
  for (const char* x : {"1", "2"}) {
    DataFile file = WriteFile(made, "files", std::string("SELECT {'x': ") + x + "::BIGINT} AS s");
    file.columns.clear();
    ASSERT_OK(fixture_.catalog().Commit(Append("t", x, {std::move(file)})));
  }
  CommitRequest widen = Append("t", "widen", {});
  widen.evolution.widened = {{2, {TypeKind::kDouble}}};
  EXPECT_THAT(fixture_.catalog().Commit(widen),
              StatusIs(absl::StatusCode::kFailedPrecondition, "WIDENING_INEXACT"));
  Run(MaintenanceKind::kCompact);
  EXPECT_OK(fixture_.catalog().Commit(widen));
  EXPECT_THAT(fixture_.Query("SELECT s.x FROM t ORDER BY s.x"), ElementsAre("1", "2"));
}

TEST_F(MaintenanceTest, CompactionPlansAnewWhenAFileIsTakenAwayUnderIt) {
  fixture_.catalog().CreateTable("t", /*partitioned=*/true);
  AppendRow(1, "2024-01-01");
  AppendRow(2, "2024-01-01");
  AppendRow(3, "2024-01-01");
  // The first attempt fails as a conflict would; the job goes on.
  MaintenanceJob job{.id = "0190a6f0-0000-7000-8000-000000000001",
                     .table = fixture_.catalog().Key("t"),
                     .owner = "ada"};
  int asked = 0;
  ASSERT_OK(Compactor(fixture_.catalog().pool(), fixture_.lake(), fixture_.engine()).Run(job, [&] {
    if (++asked > 1) return false;
    CommitRequest other = Append("t", "delete", {});
    other.parameters.operation = SnapshotOperation::kDelete;
    other.parameters.base_snapshot_id = fixture_.catalog().GetTable("t").current_snapshot->id;
    other.parameters.removed_paths = {fixture_.catalog().LivePaths("t")[0]};
    EXPECT_OK(fixture_.catalog().Commit(other));
    return false;
  }));
  // Before the group and before the commit, in both attempts; now and then while it writes.
  EXPECT_GE(asked, 4);
  EXPECT_EQ(job.files_after, 1);
  EXPECT_EQ(job.rewritten_rows, 2);
}

TEST_F(MaintenanceTest, AJobThatWaitsIsCancelledAtOnceAndOneThatRunsBeforeItsCommit) {
  fixture_.catalog().CreateTable("t", /*partitioned=*/true);
  AppendRow(1, "2024-01-01");
  AppendRow(2, "2024-01-01");
  PostgresPool& pool = fixture_.catalog().pool();
  const TableKey key = fixture_.catalog().Key("t");
  const auto cancel = [&](const std::string& id) {
    auto job = pool.Run([&](Transaction& txn) { return MaintenanceManager(txn).Cancel(key, id); });
    EXPECT_OK(job);
    return *job;
  };
  const auto start = [&] {
    auto job = pool.Run([&](Transaction& txn) {
      return MaintenanceManager(txn).Start(fixture_.catalog().actor(),
                                           {.table = key, .target_file_bytes = 0});
    });
    EXPECT_OK(job);
    return job->id;
  };
  MaintenanceWorker worker(pool, fixture_.lake(), fixture_.engine(), fixture_.metrics(), "test",
                           absl::Seconds(30));
  const MaintenanceJob waiting = cancel(start());
  EXPECT_EQ(waiting.execution.state, ExecutionState::kCancelled);
  EXPECT_TRUE(waiting.execution.end_time.has_value());
  EXPECT_EQ(waiting.execution.failure->reason, "JOB_CANCELLED");
  EXPECT_THAT(worker.RunOne(false), IsOkAndHolds(false));

  // One that a worker has claimed and left behind, as by a kill: whoever takes it up ends it.
  const std::string running = start();
  ASSERT_OK(pool.Run([&](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(MaintenanceStore(txn).Claim("dead", absl::ZeroDuration()).has_value());
    return absl::OkStatus();
  }));
  EXPECT_EQ(cancel(running).execution.state, ExecutionState::kRunning);
  EXPECT_THAT(worker.RunOne(false), IsOkAndHolds(true));
  const MaintenanceJob ended = cancel(running);
  EXPECT_EQ(ended.execution.state, ExecutionState::kCancelled);
  EXPECT_THAT(fixture_.catalog().LivePaths("t"), SizeIs(2));

  // What has ended stays as it is; an unknown one is told.
  const MaintenanceJob done = Run(MaintenanceKind::kCompact);
  EXPECT_EQ(cancel(done.id).execution.state, ExecutionState::kSucceeded);
  EXPECT_THAT(pool.Run([&](Transaction& txn) {
    return MaintenanceManager(txn).Cancel(key, "0190a6f0-0000-7000-8000-000000000001");
  }),
              StatusIs(absl::StatusCode::kNotFound, "JOB_NOT_FOUND"));
}

TEST_F(MaintenanceTest, ACompactionThatIsStoppedBeforeItsCommitChangesNothing) {
  fixture_.catalog().CreateTable("t", /*partitioned=*/true);
  AppendRow(1, "2024-01-01");
  AppendRow(2, "2024-01-01");
  MaintenanceJob job{.id = "0190a6f0-0000-7000-8000-000000000001",
                     .table = fixture_.catalog().Key("t"),
                     .owner = "ada"};
  int asked = 0;
  EXPECT_THAT(Compactor(fixture_.catalog().pool(), fixture_.lake(), fixture_.engine())
                  .Run(job, [&] { return ++asked > 1; }),
              StatusIs(absl::StatusCode::kCancelled, "JOB_STOPPED"));
  EXPECT_THAT(fixture_.catalog().LivePaths("t"), SizeIs(2));
}

TEST_F(MaintenanceTest, AKillBeforeTheCommitOfACompactionLosesNothing) {
  fixture_.catalog().CreateTable("t", /*partitioned=*/true);
  AppendRow(1, "2024-01-01");
  AppendRow(2, "2024-01-01");
  {
    failpoint::ScopedFailpoint fail("catalog.compaction.before_commit", "error(INTERNAL)");
    EXPECT_EQ(Run(MaintenanceKind::kCompact).execution.state, ExecutionState::kFailed);
  }
  EXPECT_THAT(fixture_.Query("SELECT id FROM t ORDER BY id"), ElementsAre("1", "2"));
  EXPECT_EQ(Run(MaintenanceKind::kCompact).files_after, 1);
}

TEST_F(MaintenanceTest, ExpiredSnapshotsLetTheirFilesGoAfterTheGrace) {
  PostgresPool& pool = fixture_.catalog().pool();
  fixture_.catalog().CreateTable("t", /*partitioned=*/true);
  ASSERT_OK(pool.Run([&](Transaction& txn) {
    return TableManager(txn)
        .Update(
            fixture_.catalog().actor(), fixture_.catalog().Key("t"),
            {.properties = std::map<std::string, std::string>{{"tarn.snapshots.max_age", "1h"},
                                                              {"tarn.snapshots.min_count", "1"}}})
        .status();
  }));
  AppendRow(1, "2024-01-01");
  AppendRow(2, "2024-01-01");
  const std::vector<std::string> old = fixture_.catalog().LivePaths("t");
  ASSERT_EQ(Run(MaintenanceKind::kCompact).files_after, 1);

  // All of it was two hours ago.
  ASSERT_OK(pool.Run([&](Transaction& txn) -> absl::Status {
    txn.Exec("UPDATE catalog.snapshots SET commit_time = commit_time - interval '2 hours'");
    return absl::OkStatus();
  }));
  EXPECT_EQ(Run(MaintenanceKind::kExpireSnapshots).execution.state, ExecutionState::kSucceeded);
  GarbageCollector collector(pool, fixture_.lake(), fixture_.metrics());
  ASSERT_OK(collector.Run());
  for (const std::string& path : old) EXPECT_TRUE(fs::exists(fixture_.lake().root() / path));

  ASSERT_OK(pool.Run([&](Transaction& txn) -> absl::Status {
    EXPECT_EQ(txn.Exec("UPDATE catalog.garbage SET delete_after = now() - interval '1 second'")
                  .affected_rows(),
              2);
    return absl::OkStatus();
  }));
  ASSERT_OK(collector.Run());
  for (const std::string& path : old) EXPECT_FALSE(fs::exists(fixture_.lake().root() / path));
  EXPECT_THAT(fixture_.Query("SELECT id FROM t ORDER BY id"), ElementsAre("1", "2"));
}

TEST_F(MaintenanceTest, GarbageThatCannotBeRemovedKeepsNoOtherBehindIt) {
  PostgresPool& pool = fixture_.catalog().pool();
  const fs::path root = fixture_.lake().root();
  fs::create_directories(root / "default/warehouse/d/t-1/data");
  // No file can lie below a file.
  for (const char* name : {"stuck", "waste"}) {
    std::ofstream(root / "default/warehouse/d/t-1/data" / name) << "x";
  }
  ASSERT_OK(pool.Run([](Transaction& txn) -> absl::Status {
    txn.Exec(
        "INSERT INTO catalog.garbage (workspace, path, delete_after) SELECT 'default', "
        "'default/warehouse/d/t-1/data/stuck/' || i, now() - interval '1 hour' FROM "
        "generate_series(1, 2500) i");
    txn.Exec(
        "INSERT INTO catalog.garbage (workspace, path, delete_after) VALUES ('default', "
        "'default/warehouse/d/t-1/data/waste', now() - interval '1 minute')");
    return absl::OkStatus();
  }));
  EXPECT_THAT(GarbageCollector(pool, fixture_.lake(), fixture_.metrics()).Run(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "FILE_IO"));
  EXPECT_FALSE(fs::exists(root / "default/warehouse/d/t-1/data/waste"));
}

TEST_F(MaintenanceTest, ACommitIsKnownForAnHourWhateverTheTableSays) {
  CatalogDatabase& catalog = fixture_.catalog();
  const Table table = catalog.CreateTable("t");
  const auto append = [&](const std::string& id) {
    DataFile file = TestFile(id);
    file.path = table.location + "/" + id + ".parquet";
    return catalog.Commit(Append("t", id, {file}));
  };
  const auto expire_after = [&](const char* ago) {
    ASSERT_OK(catalog.pool().Run([&](Transaction& txn) -> absl::Status {
      txn.Exec(
          "UPDATE catalog.tables SET properties = '{\"tarn.snapshots.max_age\": \"1s\", "
          "\"tarn.snapshots.min_count\": \"1\"}'");
      txn.Exec("UPDATE catalog.snapshots SET commit_time = commit_time - $1::interval",
               std::string(ago));
      return ExpireSnapshots(txn, catalog.Key("t")).status();
    }));
  };
  ASSERT_OK_AND_ASSIGN(const CommitResult first, append("a"));
  ASSERT_OK(append("b"));
  expire_after("50 minutes");
  ASSERT_OK_AND_ASSIGN(const CommitResult again, append("a"));
  EXPECT_EQ(again.snapshot.id, first.snapshot.id);
  EXPECT_THAT(catalog.LivePaths("t"), SizeIs(2));
  // Then it is forgotten; its file, which is still there, is not added twice all the same.
  expire_after("11 minutes");
  EXPECT_THAT(append("a"), StatusIs(absl::StatusCode::kInvalidArgument, "FILE_EXISTS"));
}

TEST_F(MaintenanceTest, ADroppedTablesFolderIsNotTakenUpWhileItMayBeRemoved) {
  CatalogDatabase& catalog = fixture_.catalog();
  PostgresPool& pool = catalog.pool();
  const Table table = catalog.CreateTable("t", /*partitioned=*/true);
  AppendRow(1, "2024-01-01");
  ASSERT_OK(pool.Run(
      [&](Transaction& txn) { return TableManager(txn).Delete(catalog.actor(), table.key, ""); }));
  const auto create_again = [&] {
    return pool.Run([&](Transaction& txn) {
      Table same{.key = table.key, .uid = table.uid, .definition = table.definition};
      return TableManager(txn).Create(catalog.actor(), std::move(same)).status();
    });
  };
  const auto backdate = [&](const std::string& column) {
    ASSERT_OK(pool.Run([&](Transaction& txn) -> absl::Status {
      EXPECT_EQ(txn.Exec("UPDATE catalog.garbage SET " + column + " = now() - interval '25 hours'")
                    .affected_rows(),
                1);
      return absl::OkStatus();
    }));
  };
  GarbageCollector collector(pool, fixture_.lake(), fixture_.metrics());
  const auto refused = StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT");
  const fs::path folder = fixture_.lake().root() / fs::path(table.location).parent_path();
  EXPECT_THAT(create_again(), refused);
  backdate("delete_after");
  ASSERT_OK(collector.Run());
  EXPECT_FALSE(fs::exists(folder));
  // Another collector may still be at it.
  EXPECT_THAT(create_again(), refused);
  backdate("removed_at");
  ASSERT_OK(collector.Run());
  EXPECT_OK(create_again());
  AppendRow(2, "2024-01-01");
  ASSERT_OK(collector.Run());
  EXPECT_THAT(fixture_.Query("SELECT id FROM t"), ElementsAre("2"));
}

TEST_F(MaintenanceTest, AFileThatWasAddedAgainStaysWhileASnapshotReadsIt) {
  CatalogDatabase& catalog = fixture_.catalog();
  Table table = catalog.CreateTable("t");
  DataFile file = TestFile("a");
  file.path = table.location + "/a.parquet";
  const auto append = [&](const char* id) { ASSERT_OK(catalog.Commit(Append("t", id, {file}))); };
  const auto remove = [&](const char* id) {
    CommitRequest request = Append("t", id, {});
    request.parameters.operation = SnapshotOperation::kDelete;
    request.parameters.removed_paths = {file.path};
    ASSERT_OK(catalog.Commit(request));
  };
  append("r1");
  remove("r2");
  append("r3");
  remove("r4");
  ASSERT_OK(catalog.pool().Run([&](Transaction& txn) -> absl::Status {
    txn.Exec(
        "UPDATE catalog.tables SET properties = '{\"tarn.snapshots.max_age\": \"1h\", "
        "\"tarn.snapshots.min_count\": \"1\"}'");
    txn.Exec(
        "UPDATE catalog.snapshots SET commit_time = commit_time - interval '2 hours' WHERE "
        "sequence_number < 3");
    return absl::OkStatus();
  }));
  ASSERT_OK_AND_ASSIGN(const Expired expired, catalog.pool().Run([&](Transaction& txn) {
    return ExpireSnapshots(txn, catalog.Key("t"));
  }));
  EXPECT_EQ(expired.snapshots, 2);
  EXPECT_EQ(expired.files, 0);
}

TEST_F(MaintenanceTest, ResponsesOlderThanADayAreForgotten) {
  PostgresPool& pool = fixture_.catalog().pool();
  const auto count = [&] {
    auto found = pool.Run([](Transaction& txn) -> absl::StatusOr<int64_t> {
      return txn.Exec("SELECT count(*) AS n FROM catalog.idempotency").One().Get<int64_t>("n");
    });
    EXPECT_OK(found);
    return found.value_or(-1);
  };
  ASSERT_OK(pool.Run([](Transaction& txn) -> absl::Status {
    txn.Exec(
        "INSERT INTO catalog.idempotency (workspace, caller, method, request_id, request_hash, "
        "created_at) VALUES ('default', 'ada', 'm', 'old', '', now() - interval '25 hours'), "
        "('default', 'ada', 'm', 'young', '', now())");
    return absl::OkStatus();
  }));
  EXPECT_EQ(count(), 2);
  EXPECT_OK(GarbageCollector(pool, fixture_.lake(), fixture_.metrics()).Run());
  EXPECT_EQ(count(), 1);
}

TEST_F(MaintenanceTest, ExternalTablesAreNotCompacted) {
  fixture_.Put("a.csv", "a,b\n1,2\n");
  fixture_.RunCrawl();
  EXPECT_THAT(fixture_.catalog().pool().Run([&](Transaction& txn) {
    return MaintenanceManager(txn).Start(fixture_.catalog().actor(),
                                         {.table = fixture_.catalog().Key("t")});
  }),
              StatusIs(absl::StatusCode::kInvalidArgument, "WRONG_OPERATION"));
}

}  // namespace
}  // namespace tarn::catalog
