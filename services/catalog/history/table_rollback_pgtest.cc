// The way back to an earlier snapshot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/catalog/history/testing/history_test.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_store.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using RollbackTest = HistoryTest;

TEST_F(RollbackTest, ARollbackIsANewSnapshotWithTheFilesOfTheOldOne) {
  Append("a");
  const Snapshot both = Append("b");
  Replace("c");
  const Snapshot last = Append("d");
  ASSERT_OK_AND_ASSIGN(const Snapshot back, RollBackTo({.snapshot_id = both.id}));
  EXPECT_EQ(back.parent_id, last.id);
  EXPECT_EQ(back.operation, SnapshotOperation::kRollback);
  EXPECT_EQ(back.committed_by, "ada");
  EXPECT_THAT(back.summary, ElementsAre(Pair("rollback-to", std::to_string(both.id))));
  EXPECT_EQ(back.added_files, 2);
  EXPECT_EQ(back.removed_rows, 20);
  EXPECT_EQ(back.total_files, 2);
  EXPECT_EQ(back.total_rows, 20);
  EXPECT_THAT(Files({}), IsOkAndHolds(UnorderedElementsAre("a", "b")));
  EXPECT_EQ(catalog_.GetTable("t").statistics.file_count, 2);
  // Nothing of the history is lost, and there is a way back from the way back.
  EXPECT_THAT(Files({.snapshot_id = last.id}), IsOkAndHolds(UnorderedElementsAre("c", "d")));
  ASSERT_OK(RollBackTo({.snapshot_id = last.id}));
  EXPECT_THAT(Files({}), IsOkAndHolds(UnorderedElementsAre("c", "d")));
  EXPECT_THAT(Files({.snapshot_id = back.id}), IsOkAndHolds(UnorderedElementsAre("a", "b")));
  Append("e");
  EXPECT_THAT(Files({}), IsOkAndHolds(UnorderedElementsAre("c", "d", "e")));
}

TEST_F(RollbackTest, FilesThatComeBackKeepTheirTimeAndStatistics) {
  DataFile file = TestFile("a");
  file.columns = {{.field_id = 1, .null_count = 3, .lower_bound = "1", .upper_bound = "9"}};
  ASSERT_OK_AND_ASSIGN(const CommitResult first,
                       catalog_.Commit(catalog::Append("t", "r1", {file})));
  const auto read = [&] {
    auto plan = catalog_.pool().RunReadOnly([&](Transaction& txn) {
      return PlanFiles(txn, {.key = catalog_.Key("t"),
                             .predicates = {{"id", PredicateOperator::kGreater, {"0"}}}});
    });
    EXPECT_OK(plan);
    return plan->files.at(0);
  };
  DataFile before = read();
  Replace("b");
  ASSERT_OK_AND_ASSIGN(const Snapshot back, RollBackTo({.snapshot_id = first.snapshot.id}));
  before.added_sequence_number = back.sequence_number;
  EXPECT_EQ(read(), before);
}

TEST_F(RollbackTest, ATagAndATimeAreTakenAsWell) {
  const Snapshot a = Append("a");
  ASSERT_OK(MakeTag({.name = "good"}));
  Replace("b");
  ASSERT_OK_AND_ASSIGN(const Snapshot back, RollBackTo({.tag = "good"}));
  EXPECT_THAT(back.summary,
              ElementsAre(Pair("rollback-to", std::to_string(a.id)), Pair("tag", "good")));
  Replace("c");
  ASSERT_OK(RollBackTo({.as_of_time = a.commit_time}));
  EXPECT_THAT(Files({}), IsOkAndHolds(ElementsAre("a")));
}

TEST_F(RollbackTest, TheCurrentSnapshotIsLeftAsItIs) {
  const Snapshot a = Append("a");
  ASSERT_OK_AND_ASSIGN(const Snapshot same, RollBackTo({.snapshot_id = a.id}));
  EXPECT_EQ(same.id, a.id);
  EXPECT_EQ(catalog_.GetTable("t").current_snapshot->id, a.id);
}

TEST_F(RollbackTest, AnotherBaseIsAConflict) {
  const Snapshot a = Append("a");
  const Snapshot b = Append("b");
  Append("c");
  EXPECT_THAT(RollBackTo({.snapshot_id = a.id}, b.id),
              StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
  EXPECT_THAT(Files({}), IsOkAndHolds(UnorderedElementsAre("a", "b", "c")));
}

TEST_F(RollbackTest, WhoWritesOnTheStateBeforeConflicts) {
  const Snapshot a = Append("a");
  const Snapshot b = Replace("b");
  ASSERT_OK(RollBackTo({.snapshot_id = a.id}));
  CommitRequest overwrite = catalog::Append("t", "late", {TestFile("x")});
  overwrite.parameters.operation = SnapshotOperation::kOverwrite;
  overwrite.parameters.base_snapshot_id = b.id;
  overwrite.parameters.removed_paths = {TestFile("b").path};
  EXPECT_THAT(catalog_.Commit(overwrite), StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
  overwrite.parameters.removed_paths.clear();
  overwrite.parameters.conflict_whole_table = true;
  EXPECT_THAT(catalog_.Commit(overwrite), StatusIs(absl::StatusCode::kAborted, "COMMIT_CONFLICT"));
}

TEST_F(RollbackTest, WhatLogsHaveDeliveredIsNotDeliveredAgain) {
  const Snapshot a = Append("a");
  CommitRequest delivery = catalog::Append("t", "d1", {TestFile("b")});
  delivery.parameters.log_range = {"log-1", 0, 10};
  ASSERT_OK(catalog_.Commit(delivery));
  ASSERT_OK(RollBackTo({.snapshot_id = a.id}));
  delivery = catalog::Append("t", "d2", {TestFile("c")});
  delivery.parameters.log_range = {"log-1", 0, 10};
  EXPECT_THAT(catalog_.Commit(delivery),
              StatusIs(absl::StatusCode::kOutOfRange, "LOG_POSITION_OVERLAP"));
}

TEST_F(RollbackTest, WhatCannotBeGoneBackToIsRefused) {
  EXPECT_THAT(RollBackTo({}), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(RollBackTo({.snapshot_id = 7}),
              StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND"));
  const Snapshot a = Append("a");
  // The same columns are no obstacle, others are: their field ids begin anew.
  CommitRequest replace = catalog::Append("t", "r1", {TestFile("b")});
  replace.parameters.operation = SnapshotOperation::kOverwrite;
  replace.create_or_replace = catalog_.GetTable("t");
  ASSERT_OK(catalog_.Commit(replace));
  ASSERT_OK(RollBackTo({.snapshot_id = a.id}));
  replace.parameters.request_id = "r2";
  replace.parameters.added_files = {TestFile("c")};
  replace.create_or_replace->definition.schema.fields = {{.name = "n", .type = {TypeKind::kLong}}};
  ASSERT_OK_AND_ASSIGN(const CommitResult replaced, catalog_.Commit(replace));
  EXPECT_THAT(RollBackTo({.snapshot_id = a.id}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_REPLACED",
                       HasSubstr("AT (VERSION => " + std::to_string(a.id))));
  Append("d");
  ASSERT_OK(RollBackTo({.snapshot_id = replaced.snapshot.id}));
  EXPECT_THAT(Files({}), IsOkAndHolds(ElementsAre("c")));
}

TEST_F(RollbackTest, IntegersThatADoubleWouldBendAreNotBroughtBack) {
  const auto with_bounds = [](const char* name, const char* upper) {
    DataFile file = TestFile(name);
    file.columns = {{.field_id = 1, .null_count = 0, .lower_bound = "0", .upper_bound = upper}};
    return file;
  };
  ASSERT_OK_AND_ASSIGN(
      const CommitResult large,
      catalog_.Commit(catalog::Append("t", "r1", {with_bounds("a", "9007199254740993")})));
  CommitRequest remove = catalog::Append("t", "r2", {with_bounds("b", "5")});
  remove.parameters.operation = SnapshotOperation::kOverwrite;
  remove.parameters.remove_all = true;
  ASSERT_OK_AND_ASSIGN(const CommitResult small, catalog_.Commit(remove));
  CommitRequest widen = catalog::Append("t", "r3", {with_bounds("c", "0.5")});
  widen.evolution.widened = {{1, {TypeKind::kDouble}}};
  ASSERT_OK_AND_ASSIGN(const CommitResult widened, catalog_.Commit(widen));
  EXPECT_THAT(RollBackTo({.snapshot_id = large.snapshot.id}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "WIDENING_INEXACT"));
  EXPECT_EQ(catalog_.GetTable("t").current_snapshot->id, widened.snapshot.id);
  ASSERT_OK(RollBackTo({.snapshot_id = small.snapshot.id}));
  EXPECT_THAT(Files({}), IsOkAndHolds(ElementsAre("b")));
}

TEST_F(RollbackTest, AnEmptyTableCanBeGoneBackTo) {
  CommitRequest nothing = catalog::Append("t", "r1", {});
  ASSERT_OK_AND_ASSIGN(const CommitResult empty, catalog_.Commit(nothing));
  Append("a");
  ASSERT_OK_AND_ASSIGN(const Snapshot back, RollBackTo({.snapshot_id = empty.snapshot.id}));
  EXPECT_EQ(back.total_rows, 0);
  EXPECT_THAT(Files({}), IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace tarn::catalog
