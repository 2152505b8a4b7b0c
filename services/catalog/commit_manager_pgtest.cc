#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/events/event_reader.h"
#include "common/failpoint/failpoint.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/commit_manager.h"
#include "services/catalog/scan_planner.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kRoot[] = "default/warehouse/d/t-1/data/";

class CommitTest : public ::testing::Test {
 protected:
  absl::StatusOr<ScanPlan> Plan(const ScanRequest& request) {
    return catalog_.pool().RunReadOnly([&](Transaction& txn) { return PlanFiles(txn, request); });
  }
  CommitRequest Overwrite(const std::string& request_id, int64_t base,
                          std::vector<std::string> removed, std::vector<DataFile> added) {
    CommitRequest request = Append("t", request_id, std::move(added));
    request.parameters.operation = SnapshotOperation::kOverwrite;
    request.parameters.base_snapshot_id = base;
    for (const std::string& path : removed)
      request.parameters.removed_paths.push_back(kRoot + path);
    return request;
  }
  CommitRequest Delivery(const std::string& request_id, int64_t from, int64_t to) {
    CommitRequest request = Append("t", request_id, {TestFile(request_id)});
    request.parameters.log_range = {"log-1", from, to};
    return request;
  }

  CatalogDatabase catalog_;
};

TEST_F(CommitTest, AnAppendMakesASnapshotAndSumsUp) {
  catalog_.CreateTable("t");
  ASSERT_OK(catalog_.Commit(Append("t", "r1", {TestFile("a", 10)})));
  ASSERT_OK_AND_ASSIGN(const CommitResult second,
                       catalog_.Commit(Append("t", "r2", {TestFile("b", 5), TestFile("c", 1)})));

  EXPECT_EQ(second.snapshot.sequence_number, 2);
  EXPECT_EQ(second.snapshot.added_rows, 6);
  EXPECT_EQ(second.snapshot.total_rows, 16);
  EXPECT_EQ(second.table.statistics.file_count, 3);
  EXPECT_EQ(catalog_.GetTable("t").current_snapshot->id, second.snapshot.id);
  EXPECT_THAT(
      catalog_.LivePaths("t"),
      ElementsAre(std::string(kRoot) + "a", std::string(kRoot) + "b", std::string(kRoot) + "c"));
}

TEST_F(CommitTest, ARetryWithTheSameRequestIdGetsTheFirstResult) {
  catalog_.CreateTable("t");
  ASSERT_OK_AND_ASSIGN(const CommitResult first,
                       catalog_.Commit(Append("t", "r1", {TestFile("a")})));
  ASSERT_OK_AND_ASSIGN(const CommitResult again,
                       catalog_.Commit(Append("t", "r1", {TestFile("other")})));

  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.snapshot.id, first.snapshot.id);
  EXPECT_THAT(catalog_.LivePaths("t"), ElementsAre(std::string(kRoot) + "a"));
}

TEST_F(CommitTest, ARemovedFileThatIsGoneIsAConflictThatNamesIt) {
  catalog_.CreateTable("t");
  ASSERT_OK_AND_ASSIGN(const CommitResult base,
                       catalog_.Commit(Append("t", "r1", {TestFile("a"), TestFile("b")})));
  ASSERT_OK(catalog_.Commit(Overwrite("r2", base.snapshot.id, {"a"}, {TestFile("c")})));

  EXPECT_THAT(catalog_.Commit(Overwrite("r3", base.snapshot.id, {"a", "b"}, {TestFile("d")})),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT", HasSubstr("data/a")));
  EXPECT_THAT(catalog_.LivePaths("t"), SizeIs(2));
}

TEST_F(CommitTest, AFileAddedSinceTheBaseConflictsOnlyInItsPartition) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  ASSERT_OK_AND_ASSIGN(const CommitResult base,
                       catalog_.Commit(Append("t", "r1", {TestFile("a", 1, "2024-01-01")})));
  ASSERT_OK(catalog_.Commit(Append("t", "r2", {TestFile("b", 1, "2024-01-02")})));

  CommitRequest first = Overwrite("r3", base.snapshot.id, {"a"}, {TestFile("c", 1, "2024-01-01")});
  first.parameters.conflict_partitions = {{{"dt", "2024-01-01"}}};
  EXPECT_OK(catalog_.Commit(first));
  CommitRequest second = Overwrite("r4", base.snapshot.id, {}, {TestFile("e", 1, "2024-01-02")});
  second.parameters.conflict_partitions = {{{"dt", "2024-01-02"}}};
  EXPECT_THAT(catalog_.Commit(second),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT", HasSubstr("data/b")));
  CommitRequest whole = Overwrite("r5", base.snapshot.id, {}, {});
  whole.parameters.conflict_whole_table = true;
  EXPECT_THAT(catalog_.Commit(whole), StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
}

TEST_F(CommitTest, ADeliveryFollowsTheOneBeforeIt) {
  catalog_.CreateTable("t");
  ASSERT_OK(catalog_.Commit(Delivery("r1", 0, 100)));
  EXPECT_THAT(catalog_.Commit(Delivery("r2", 150, 200)),
              StatusIs(absl::StatusCode::kOutOfRange, "LOG_POSITION_GAP"));
  EXPECT_THAT(catalog_.Commit(Delivery("r3", 50, 200)),
              StatusIs(absl::StatusCode::kOutOfRange, "LOG_POSITION_OVERLAP"));
  EXPECT_THAT(catalog_.Commit(Delivery("r4", 0, 100)),
              StatusIs(absl::StatusCode::kOutOfRange, "LOG_POSITION_OVERLAP"));
  EXPECT_OK(catalog_.Commit(Delivery("r5", 100, 200)));
  EXPECT_THAT(catalog_.LivePaths("t"), SizeIs(2));
}

TEST_F(CommitTest, AnAddedColumnThatIsThereAlreadyIsLeftAsItIs) {
  catalog_.CreateTable("t");
  CommitRequest request = Append("t", "r1", {TestFile("a")});
  request.evolution.columns = {{.id = 3, .name = "x", .type = {TypeKind::kLong}}};
  ASSERT_OK(catalog_.Commit(request));
  request.parameters.request_id = "r2";
  request.parameters.added_files = {TestFile("b")};
  ASSERT_OK_AND_ASSIGN(const CommitResult same, catalog_.Commit(request));
  EXPECT_THAT(same.table.definition.schema.fields, SizeIs(3));
  EXPECT_EQ(same.table.definition.schema.schema_id, 1);

  request.parameters.request_id = "r3";
  request.parameters.added_files = {TestFile("c")};
  request.evolution.columns[0].type = {TypeKind::kString};
  EXPECT_THAT(catalog_.Commit(request), StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED"));
}

TEST_F(CommitTest, FieldsInsideStructsAndWiderTypesComeWithTheCommit) {
  Table table{.key = catalog_.Key("t")};
  table.definition.schema.fields = {
      {.name = "s",
       .type = {TypeKind::kStruct},
       .fields = {{.name = "n", .type = {TypeKind::kInt}, .learnt = true}}}};
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn).Create(catalog_.actor(), table).status();
  }));
  CommitRequest request = Append("t", "r1", {TestFile("a")});
  request.parameters.schema_id = 0;
  request.evolution.fields = {{1, {.id = 3, .name = "x", .type = {TypeKind::kString}}}};
  request.evolution.widened = {{2, {TypeKind::kLong}}};
  ASSERT_OK_AND_ASSIGN(const CommitResult made, catalog_.Commit(request));
  const std::vector<Field>& fields = made.table.definition.schema.fields[0].fields;
  ASSERT_THAT(fields, SizeIs(2));
  EXPECT_EQ(fields[0].type.kind, TypeKind::kLong);
  EXPECT_TRUE(fields[0].learnt);
  EXPECT_EQ(fields[1].name, "x");
  EXPECT_EQ(fields[1].id, 3);
  EXPECT_EQ(made.snapshot.schema_id, 1);
  EXPECT_EQ(made.table.last_field_id, 3);

  // The same request again, and another writer who wants the same.
  ASSERT_OK_AND_ASSIGN(const CommitResult replayed, catalog_.Commit(request));
  EXPECT_TRUE(replayed.replayed);
  request.parameters.request_id = "r2";
  request.parameters.schema_id = 1;
  request.parameters.added_files = {TestFile("b")};
  ASSERT_OK_AND_ASSIGN(const CommitResult same, catalog_.Commit(request));
  EXPECT_EQ(same.table.definition.schema.schema_id, 1);

  // One who gave the field id to another field, or the field another type, plans again.
  request.parameters.request_id = "r3";
  request.parameters.added_files = {TestFile("c")};
  request.evolution.fields[0].field.name = "y";
  EXPECT_THAT(catalog_.Commit(request), StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED"));
  request.evolution.fields[0].field = {.name = "X", .type = {TypeKind::kLong}};
  EXPECT_THAT(catalog_.Commit(request),
              StatusIs(absl::StatusCode::kAborted, "SCHEMA_CHANGED", HasSubstr("s.X")));
  EXPECT_THAT(catalog_.LivePaths("t"), SizeIs(2));
}

TEST_F(CommitTest, FilesOfAnOlderSchemaAreTakenWhereTheyAreStillReadRight) {
  Table table{.key = catalog_.Key("t")};
  table.definition.schema.fields = {{.name = "n", .type = {TypeKind::kInt}},
                                    {.name = "m", .type = {TypeKind::kLong}}};
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn).Create(catalog_.actor(), table).status();
  }));
  CommitRequest widen = Append("t", "r1", {TestFile("a")});
  widen.evolution.widened = {{1, {TypeKind::kLong}}};
  ASSERT_OK(catalog_.Commit(widen));
  CommitRequest late = Append("t", "r2", {TestFile("b")});
  late.parameters.schema_id = 0;
  ASSERT_OK_AND_ASSIGN(const CommitResult taken, catalog_.Commit(late));
  EXPECT_EQ(taken.snapshot.schema_id, 1);

  // Integers that nobody has looked at do not come into a column that has become double.
  CommitRequest remove = Append("t", "r3", {});
  remove.parameters.operation = SnapshotOperation::kDelete;
  remove.parameters.base_snapshot_id = taken.snapshot.id;
  remove.parameters.removed_paths = catalog_.LivePaths("t");
  ASSERT_OK(catalog_.Commit(remove));
  widen.parameters.request_id = "r4";
  widen.parameters.added_files = {TestFile("c")};
  widen.evolution.widened = {{2, {TypeKind::kDouble}}};
  ASSERT_OK(catalog_.Commit(widen));
  late.parameters.request_id = "r5";
  late.parameters.added_files = {TestFile("d")};
  late.parameters.schema_id = 1;
  EXPECT_THAT(catalog_.Commit(late), StatusIs(absl::StatusCode::kFailedPrecondition,
                                              "SCHEMA_CHANGED", HasSubstr("column m")));
}

TEST_F(CommitTest, ALongBecomesDoubleOnlyWhileEveryFileIsKnownToHoldWhatADoubleHolds) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  const auto with_bounds = [](const std::string& name, std::vector<ColumnStatistics> columns) {
    DataFile file = TestFile(name, 10, "2024-01-01");
    file.columns = std::move(columns);
    return file;
  };
  int requests = 0;
  const auto append = [&](std::vector<DataFile> files) {
    return catalog_.Commit(Append("t", "append" + std::to_string(++requests), std::move(files)));
  };
  const auto widen = [&](int field_id) {
    CommitRequest request = Append("t", "widen" + std::to_string(++requests), {});
    request.evolution.widened = {{field_id, {TypeKind::kDouble}}};
    return catalog_.Commit(request).status();
  };
  // None of these says that 2^53 is kept; a file without statistics says nothing.
  const std::vector<DataFile> unknown = {
      with_bounds("a", {{1, 0, "0", "9007199254740993"}}),
      with_bounds("b", {{1, 0, "-9007199254740993", "0"}}),
      with_bounds("c", {{1, 9, std::nullopt, std::nullopt}}),
      with_bounds("d", {}),
  };
  for (const DataFile& file : unknown) {
    ASSERT_OK_AND_ASSIGN(const CommitResult added, append({file}));
    EXPECT_THAT(widen(1), StatusIs(absl::StatusCode::kFailedPrecondition, "WIDENING_INEXACT",
                                   HasSubstr(file.path)));
    CommitRequest remove = Append("t", "remove" + std::to_string(++requests), {});
    remove.parameters.operation = SnapshotOperation::kDelete;
    remove.parameters.base_snapshot_id = added.snapshot.id;
    remove.parameters.removed_paths = {file.path};
    ASSERT_OK(catalog_.Commit(remove));
  }
  EXPECT_EQ(catalog_.GetTable("t").definition.schema.schema_id, 0);
  // Within 2^53, nothing but NULL, and a file from before the column was there.
  ASSERT_OK_AND_ASSIGN(const CommitResult before,
                       append({with_bounds("e", {{1, 0, "-9007199254740992", "9007199254740992"}}),
                               with_bounds("f", {{1, 10, std::nullopt, std::nullopt}}),
                               with_bounds("g", {{2, 0, "2024-01-01", "2024-01-01"}})}));
  EXPECT_OK(widen(1));
  EXPECT_EQ(catalog_.GetTable("t").definition.schema.fields[0].type.kind, TypeKind::kDouble);
  // Who reads the snapshot before it reads integers.
  ASSERT_OK_AND_ASSIGN(const ScanPlan old,
                       Plan({.key = catalog_.Key("t"), .at = {.snapshot_id = before.snapshot.id}}));
  EXPECT_EQ(old.table.definition.schema.fields[0].type.kind, TypeKind::kLong);
}

TEST_F(CommitTest, APartitionsColumnDoesNotBecomeDouble) {
  Table table{.key = catalog_.Key("t")};
  table.definition.schema.fields = {{.name = "n", .type = {TypeKind::kLong}}};
  table.definition.partition_fields = {{"n", {}, "n"}};
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn).Create(catalog_.actor(), table).status();
  }));
  CommitRequest request = Append("t", "r1", {});
  request.evolution.widened = {{1, {TypeKind::kDouble}}};
  EXPECT_THAT(catalog_.Commit(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, "WIDENING_INEXACT"));
}

TEST_F(CommitTest, FilesOfASchemaThatLostAColumnAreRefused) {
  catalog_.CreateTable("t");
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn)
        .Update(catalog_.actor(), catalog_.Key("t"),
                {.columns = std::vector<Field>{{.name = "id", .type = {TypeKind::kLong}}}})
        .status();
  }));
  CommitRequest request = Append("t", "r1", {TestFile("a")});
  request.parameters.schema_id = 0;
  EXPECT_THAT(catalog_.Commit(request), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                 "SCHEMA_CHANGED", HasSubstr("column dt")));
}

TEST_F(CommitTest, CreateOrReplaceMakesATableAndThenReplacesItsFilesAndColumns) {
  CommitRequest request = Append("t", "r1", {TestFile("a")});
  request.parameters.operation = SnapshotOperation::kOverwrite;
  Table wanted{.key = catalog_.Key("t")};
  wanted.definition.schema.fields = {{.id = 1, .name = "id", .type = {TypeKind::kLong}}};
  request.create_or_replace = wanted;
  ASSERT_OK_AND_ASSIGN(const CommitResult made, catalog_.Commit(request));

  request.parameters.request_id = "r2";
  request.parameters.added_files = {TestFile("b")};
  request.create_or_replace->definition.schema.fields[0].type = {TypeKind::kString};
  ASSERT_OK_AND_ASSIGN(const CommitResult replaced, catalog_.Commit(request));
  EXPECT_EQ(replaced.table.uid, made.table.uid);
  EXPECT_EQ(replaced.table.definition.schema.schema_id, 1);
  EXPECT_THAT(catalog_.LivePaths("t"), ElementsAre(std::string(kRoot) + "b"));

  ASSERT_OK_AND_ASSIGN(const ScanPlan then,
                       Plan({.key = catalog_.Key("t"), .at = {.snapshot_id = made.snapshot.id}}));
  ASSERT_THAT(then.files, SizeIs(1));
  EXPECT_EQ(then.files[0].path, std::string(kRoot) + "a");
  EXPECT_EQ(then.table.definition.schema.fields[0].type.kind, TypeKind::kLong);

  // The same statement again: the first one's retry does not undo the second.
  request.parameters.request_id = "r1";
  ASSERT_OK_AND_ASSIGN(const CommitResult replayed, catalog_.Commit(request));
  EXPECT_TRUE(replayed.replayed);
  EXPECT_THAT(catalog_.LivePaths("t"), ElementsAre(std::string(kRoot) + "b"));

  request.parameters.request_id = "r3";
  request.create_only = true;
  EXPECT_THAT(catalog_.Commit(request), StatusIs(absl::StatusCode::kAlreadyExists, "TABLE_EXISTS"));
}

TEST_F(CommitTest, ScansSeeTheSnapshotOfAnIdAndPrunePartitions) {
  catalog_.CreateTable("t", /*partitioned=*/true);
  ASSERT_OK_AND_ASSIGN(const CommitResult first,
                       catalog_.Commit(Append("t", "r1", {TestFile("a", 1, "2024-01-01")})));
  ASSERT_OK(catalog_.Commit(Append("t", "r2", {TestFile("b", 1, "2024-01-02")})));

  ASSERT_OK_AND_ASSIGN(const ScanPlan old,
                       Plan({.key = catalog_.Key("t"), .at = {.snapshot_id = first.snapshot.id}}));
  EXPECT_THAT(old.files, SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const ScanPlan pruned,
                       Plan({.key = catalog_.Key("t"),
                             .predicates = {{"dt", PredicateOperator::kGreater, {"2024-01-01"}}}}));
  ASSERT_THAT(pruned.files, SizeIs(1));
  EXPECT_EQ(pruned.files[0].path, std::string(kRoot) + "b");
  EXPECT_EQ(pruned.total_files, 2);
  EXPECT_THAT(Plan({.key = catalog_.Key("t"), .at = {.snapshot_id = 12345}}),
              StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND"));
}

TEST_F(CommitTest, EightWritersAppendToOneTableAndNoneFails) {
  catalog_.CreateTable("t");
  constexpr int kWriters = 8, kCommits = 25;
  std::atomic<int> failures = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kCommits; ++i) {
        const std::string id = std::to_string(w) + "-" + std::to_string(i);
        if (!catalog_.Commit(Append("t", id, {TestFile(id, 1)})).ok()) ++failures;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(failures, 0);
  const Table table = catalog_.GetTable("t");
  EXPECT_EQ(table.current_snapshot->sequence_number, kWriters * kCommits);
  EXPECT_EQ(table.statistics.row_count, kWriters * kCommits);
  EXPECT_THAT(catalog_.LivePaths("t"), SizeIs(kWriters * kCommits));
}

TEST_F(CommitTest, EachSnapshotIsToldOnce) {
  catalog_.CreateTable("t");
  ASSERT_OK(catalog_.Commit(Append("t", "r1", {TestFile("a")})));
  ASSERT_OK(catalog_.Commit(Append("t", "r1", {TestFile("a")})));
  ASSERT_OK_AND_ASSIGN(
      const events::EventBatch batch,
      events::ReadEvents(catalog_.pool(), {}, 100,
                         {.type_prefixes = {"tarn.catalog.table.snapshot_created"}}));
  ASSERT_THAT(batch.events, SizeIs(1));
  EXPECT_EQ(batch.events[0].subject, "databases/d/tables/t");
  EXPECT_THAT(batch.events[0].data, HasSubstr("\"added_rows\""));
}

TEST_F(CommitTest, ACommitThatFailsBeforeItsStatementLeavesNothing) {
  catalog_.CreateTable("t");
  CommitRequest request = Append("t", "r1", {TestFile("a")});
  request.evolution.columns = {{.name = "x", .type = {TypeKind::kLong}}};
  {
    failpoint::ScopedFailpoint fail("catalog.commit.before", "error(INTERNAL)");
    EXPECT_FALSE(catalog_.Commit(request).ok());
  }
  EXPECT_THAT(catalog_.GetTable("t").definition.schema.fields, SizeIs(2));
  EXPECT_OK(catalog_.Commit(request));
}

TEST_F(CommitTest, AKillAfterTheCommitIsHealedByTheSameRequestId) {
  catalog_.CreateTable("t");
  EXPECT_DEATH(
      {
        failpoint::ScopedFailpoint kill("catalog.commit.after_durable", "abort");
        PostgresPool pool({.dsn = catalog_.database().dsn()});
        (void)CommitManager(pool).Commit(catalog_.actor(), Append("t", "r1", {TestFile("a")}));
      },
      "");
  ASSERT_OK_AND_ASSIGN(const CommitResult again,
                       catalog_.Commit(Append("t", "r1", {TestFile("a")})));
  EXPECT_TRUE(again.replayed);
  EXPECT_THAT(catalog_.LivePaths("t"), SizeIs(1));
}

TEST_F(CommitTest, PathsOutsideOfTheTablesOwnFolderAreRefused) {
  catalog_.CreateTable("t");
  DataFile file = TestFile("a");
  file.path = "other/warehouse/d/t-1/data/a";
  EXPECT_THAT(catalog_.Commit(Append("t", "r1", {file})),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  for (const char* path : {"default/warehouse/d/other-1/data/a", "default/warehouse/d/t-1",
                           "default/warehouse/d/t-1/data/", "default/warehouse/e/t-1/data/a",
                           "default/warehouse/d/t-1/staging/a"}) {
    file.path = path;
    EXPECT_THAT(catalog_.Commit(Append("t", "r1", {file})),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
        << path;
  }
  file.path = "default/warehouse/../../etc/passwd";
  EXPECT_THAT(catalog_.Commit(Append("t", "r1", {file})),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(CommitTest, ADerivedPathLiesAmongWhatIsDerived) {
  catalog_.CreateTable("t");
  DataFile file = TestFile("a");
  for (const char* path : {"../secrets/admin.key", "/etc/passwd", "default/results/2026-01-01/q/r",
                           "default/derived/../../../x", "other/derived/x", "default/derived"}) {
    file.derived_path = path;
    EXPECT_THAT(catalog_.Commit(Append("t", "r1", {file})),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
        << path;
  }
  file.derived_path = "default/derived/d/t/a.parquet";
  EXPECT_OK(catalog_.Commit(Append("t", "r1", {file})));
}

TEST_F(CommitTest, FilesWrittenForADroppedTableAreRefusedByTheOneMadeAfterIt) {
  const Table dropped = catalog_.CreateTable("t");
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn).Delete(catalog_.actor(), catalog_.Key("t"), "");
  }));
  DataFile file = TestFile("a");
  file.path = dropped.location + "/a.parquet";
  const CommitRequest append = Append("t", "r1", {file});
  CommitRequest replacement = append;
  replacement.parameters.operation = SnapshotOperation::kOverwrite;
  replacement.create_or_replace = Table{.key = catalog_.Key("t"), .uid = dropped.uid};
  replacement.create_or_replace->definition = dropped.definition;
  EXPECT_THAT(catalog_.Commit(replacement),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));

  file.path = catalog_.CreateTable("t").location + "/a.parquet";
  EXPECT_THAT(catalog_.Commit(append),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT", HasSubstr("a.parquet")));
  EXPECT_OK(catalog_.Commit(Append("t", "r1", {file})));
}

TEST_F(CommitTest, AnUnknownTableIsNamedWithTheOneThatWasMeant) {
  catalog_.CreateTable("usage");
  EXPECT_THAT(catalog_.Commit(Append("usag", "r1", {})),
              StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND", HasSubstr("d.usage")));
}

}  // namespace
}  // namespace tarn::catalog
