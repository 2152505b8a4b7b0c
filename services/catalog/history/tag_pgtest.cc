// Tags, what they keep, and reads of what was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status_macros.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/history/testing/history_test.h"
#include "services/catalog/table_manager.h"

namespace tarn::catalog {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using TagTest = HistoryTest;

TEST_F(TagTest, ATagNamesASnapshotForReaders) {
  Append("a");
  ASSERT_OK_AND_ASSIGN(const Tag tag, MakeTag({.name = "audited", .comment = "by hand"}));
  EXPECT_EQ(tag.created_by, "ada");
  Append("b");
  EXPECT_THAT(Files({.tag = "audited"}), IsOkAndHolds(ElementsAre("a")));
  EXPECT_THAT(Files({}), IsOkAndHolds(ElementsAre("a", "b")));
  ASSERT_OK(MakeTag({.name = "before"}, {.tag = "audited"}));
  EXPECT_THAT(Files({.tag = "before"}), IsOkAndHolds(ElementsAre("a")));
  EXPECT_THAT(Files({.tag = "auditet"}),
              StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND",
                       HasSubstr("d.t has no tag auditet; did you mean audited?")));
  ASSERT_OK(DeleteTag("audited"));
  EXPECT_THAT(Files({.tag = "audited"}), StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND"));
}

TEST_F(TagTest, BadTagsAreRefusedWithTheirReason) {
  EXPECT_THAT(MakeTag({.name = "first"}),
              StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND",
                       HasSubstr("nothing was committed to it yet")));
  Append("a");
  ASSERT_OK(MakeTag({.name = "first"}));
  EXPECT_THAT(MakeTag({.name = "first"}), StatusIs(absl::StatusCode::kAlreadyExists, "TAG_EXISTS"));
  EXPECT_THAT(MakeTag({.name = "1st"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(MakeTag({.name = "x", .comment = std::string(1001, 'x')}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(MakeTag({.name = "x", .expire_time = absl::UnixEpoch()}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(MakeTag({.name = "x"}, {.snapshot_id = 5}),
              StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND"));
  EXPECT_THAT(DeleteTag("x"), StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND"));
}

TEST_F(TagTest, ATableHasAtMostAThousandTags) {
  Append("a");
  Exec(
      "INSERT INTO catalog.tags (table_uid, tag, sequence_number, snapshot_id, comment, created_by)"
      " SELECT table_uid, 't' || i, 1, snapshot_id, '', '' FROM catalog.snapshots, "
      "generate_series(1, 1000) i");
  EXPECT_THAT(MakeTag({.name = "more"}),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_TAGS"));
}

TEST_F(TagTest, ExpiryKeepsWhatATagNamesUntilItEnds) {
  Append("a");
  Replace("b");
  ASSERT_OK(MakeTag({.name = "kept"}));
  Replace("c");
  Replace("d");
  KeepLittle();
  Age("2 hours");
  EXPECT_EQ(Expire().snapshots, 2);
  EXPECT_THAT(Garbage(), ElementsAre("a", "c"));
  EXPECT_THAT(Files({.tag = "kept"}), IsOkAndHolds(ElementsAre("b")));
  Exec("UPDATE catalog.tags SET expire_time = now() - interval '1 second'");
  EXPECT_THAT(Files({.tag = "kept"}), StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND"));
  EXPECT_EQ(Expire().snapshots, 1);
  EXPECT_THAT(Garbage(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Files({}), IsOkAndHolds(ElementsAre("d")));
  ASSERT_OK(MakeTag({.name = "kept"}));
  EXPECT_THAT(Files({.tag = "kept"}), IsOkAndHolds(ElementsAre("d")));
}

TEST_F(TagTest, APreviewSaysWhatExpiryThenDoes) {
  Append("a");
  Replace("b");
  ASSERT_OK(MakeTag({.name = "kept"}));
  Replace("c");
  Replace("d");
  KeepLittle();
  Age("2 hours");
  ASSERT_OK(catalog_.pool().RunReadOnly([&](Transaction& txn) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(catalog_.Key("t")));
    TARN_ASSIGN_OR_RETURN(const ExpiryEffect effect, PreviewExpiry(txn, table));
    EXPECT_EQ(effect.snapshots, 2);
    EXPECT_EQ(effect.tagged_snapshots, 1);
    EXPECT_EQ(effect.files, (FileTotals{2, 20, 2000}));
    TARN_ASSIGN_OR_RETURN(const std::vector<Snapshot> newest, ListExpiring(txn, table, 4, 1));
    EXPECT_EQ(newest.at(0).sequence_number, 3);
    TARN_ASSIGN_OR_RETURN(const std::vector<Snapshot> older, ListExpiring(txn, table, 3, 10));
    EXPECT_EQ(older.size(), 1u);
    return absl::OkStatus();
  }));
  EXPECT_EQ(Expire().files, 2);
}

TEST_F(TagTest, TheNewestSnapshotsStayHoweverOldTheyAre) {
  Append("a");
  Replace("b");
  Replace("c");
  Exec("UPDATE catalog.tables SET properties = '{\"tarn.snapshots.min_count\": \"2\"}'");
  Age("100 days");
  EXPECT_EQ(Expire().snapshots, 1);
  EXPECT_THAT(Garbage(), ElementsAre("a"));
}

TEST_F(TagTest, APolicyThatCannotBeReadIsRefusedWhenItIsSet) {
  EXPECT_THAT(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn).Update(
        catalog_.actor(), catalog_.Key("t"),
        {.properties = std::map<std::string, std::string>{{"tarn.snapshots.max_age", "soon"}}});
  }),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(TagTest, ATimeWhoseSnapshotHasExpiredIsRefusedRatherThanAnsweredFromAnother) {
  const absl::Time before = absl::Now() - absl::Hours(1);
  const Snapshot a = Append("a");
  Replace("b");
  const Snapshot c = Replace("c");
  const absl::Duration kAge = absl::Hours(2);
  ASSERT_OK(MakeTag({.name = "first"}, {.snapshot_id = a.id}));
  KeepLittle();
  Age("2 hours");
  const auto at = [&](absl::Time time) { return Files({.as_of_time = time - kAge}); };
  EXPECT_THAT(at(c.commit_time - absl::Microseconds(1)), IsOkAndHolds(ElementsAre("b")));
  EXPECT_EQ(Expire().snapshots, 1);
  EXPECT_THAT(at(c.commit_time), IsOkAndHolds(ElementsAre("c")));
  EXPECT_THAT(at(absl::Now()), IsOkAndHolds(ElementsAre("c")));
  EXPECT_THAT(at(a.commit_time), IsOkAndHolds(ElementsAre("a")));
  // b's time, and perhaps still a's.
  EXPECT_THAT(at(c.commit_time - absl::Microseconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SNAPSHOT_EXPIRED",
                       AllOf(HasSubstr("have expired"), HasSubstr("a snapshot that a tag keeps"))));
  EXPECT_THAT(at(before - absl::Hours(1)),
              StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND", HasSubstr("was made")));
  ASSERT_OK(DeleteTag("first"));
  Expire();
  EXPECT_THAT(at(a.commit_time), StatusIs(absl::StatusCode::kFailedPrecondition, "SNAPSHOT_EXPIRED",
                                          HasSubstr("its oldest snapshot is of")));
  EXPECT_THAT(Files({.snapshot_id = a.id}),
              StatusIs(absl::StatusCode::kNotFound, "SNAPSHOT_NOT_FOUND", HasSubstr("expired")));
}

TEST_F(TagTest, ADroppedTablesTagsAreGone) {
  Append("a");
  ASSERT_OK(MakeTag({.name = "x"}));
  ASSERT_OK(catalog_.pool().Run([&](Transaction& txn) {
    return TableManager(txn).Delete(catalog_.actor(), catalog_.Key("t"), "");
  }));
  catalog_.CreateTable("t");
  EXPECT_THAT(Files({.tag = "x"}), StatusIs(absl::StatusCode::kNotFound, "TAG_NOT_FOUND"));
  EXPECT_THAT(Files({}), IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace tarn::catalog
