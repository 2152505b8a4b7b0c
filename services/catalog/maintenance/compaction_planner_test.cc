#include "services/catalog/maintenance/compaction_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

DataFile File(const std::string& path, const std::string& dt, int64_t bytes, int64_t seq = 1) {
  return {.path = path,
          .row_count = 1,
          .byte_count = bytes,
          .partition = {{"dt", dt}},
          .added_sequence_number = seq};
}

TEST(CompactionPlannerTest, SmallFilesOfAPartitionBecomeOne) {
  const auto groups =
      PlanCompaction({File("a", "1", 10), File("b", "2", 10), File("c", "1", 10)}, 100, {});
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_THAT(groups[0].files, SizeIs(2));
  EXPECT_EQ(groups[0].partition[0].value, "1");
}

TEST(CompactionPlannerTest, LargeFilesStayAndGroupsDoNotOutgrowTheTarget) {
  EXPECT_THAT(PlanCompaction({File("a", "1", 80), File("b", "1", 10)}, 100, {}), IsEmpty());
  const auto groups = PlanCompaction(
      {File("a", "1", 40), File("b", "1", 40), File("c", "1", 40), File("d", "1", 40)}, 100, {});
  EXPECT_THAT(groups, SizeIs(2));
}

TEST(CompactionPlannerTest, TwoMergeableFilesAlwaysHaveWorkToDo) {
  EXPECT_EQ(MergeableBytes(100), 50);
  EXPECT_THAT(PlanCompaction({File("a", "1", 50), File("b", "1", 50)}, 100, {}), SizeIs(1));
  // Two of more than half of the target would not fit together: they are left to a larger target.
  EXPECT_THAT(PlanCompaction({File("a", "1", 51), File("b", "1", 51)}, 100, {}), IsEmpty());
}

TEST(CompactionPlannerTest, OnlyThePartitionsAskedForAreTouched) {
  const auto groups =
      PlanCompaction({File("a", "1", 1), File("b", "1", 1), File("c", "2", 1), File("d", "2", 1)},
                     100, {{{"dt", "2"}}});
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].partition[0].value, "2");
}

}  // namespace
}  // namespace tarn::catalog
