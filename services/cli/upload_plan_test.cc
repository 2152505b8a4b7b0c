#include "services/cli/upload_plan.h"

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(UploadPlanTest, AFolderKeepsItsPartitions) {
  TempDir dir;
  dir.WriteFile("u/dt=2019-12-21/b.json", "12");
  dir.WriteFile("u/dt=2019-12-21/hub=1/a.json", "345");
  dir.WriteFile("u/c.json", "");
  dir.WriteFile("u/.DS_Store", "x");
  ASSERT_OK_AND_ASSIGN(const UploadPlan plan, PlanUpload({(dir / "u/").string()}, {"state=co"}));
  ASSERT_EQ(plan.items.size(), 3u);
  EXPECT_EQ(plan.items[0].file_name, "c.json");
  EXPECT_THAT(plan.items[0].partitions, ElementsAre("state=co"));
  EXPECT_THAT(plan.items[1].partitions, ElementsAre("state=co", "dt=2019-12-21"));
  EXPECT_THAT(plan.items[2].partitions, ElementsAre("state=co", "dt=2019-12-21", "hub=1"));
  EXPECT_EQ(plan.byte_count, 5);
  EXPECT_EQ(plan.hidden_files, 1);
}

TEST(UploadPlanTest, AFileItselfHasThePartitionsGiven) {
  TempDir dir;
  const std::string file = dir.WriteFile("deep/dt=1/a.csv", "x");
  ASSERT_OK_AND_ASSIGN(const UploadPlan plan, PlanUpload({file}, {}));
  EXPECT_EQ(plan.items[0].file_name, "a.csv");
  EXPECT_TRUE(plan.items[0].partitions.empty());
}

TEST(UploadPlanTest, OtherSubfoldersAreRefused) {
  TempDir dir;
  dir.WriteFile("u/old/a.json", "1");
  EXPECT_THAT(PlanUpload({dir / "u"}, {}),
              StatusIs(kInvalid, "NOT_A_PARTITION", HasSubstr("u/old")));
  EXPECT_THAT(PlanUpload({dir / "u/old"}, {"dt"}), StatusIs(kInvalid, "NOT_A_PARTITION"));
}

TEST(UploadPlanTest, FilesThatWouldReplaceEachOtherAreRefused) {
  TempDir dir;
  const std::string a = dir.WriteFile("x/a.json", "1");
  const std::string b = dir.WriteFile("y/a.json", "2");
  EXPECT_THAT(PlanUpload({a, b}, {}), StatusIs(kInvalid, "DUPLICATE_FILE"));
}

TEST(UploadPlanTest, NothingToUploadIsAnError) {
  TempDir dir;
  EXPECT_THAT(PlanUpload({dir.path().string()}, {}), StatusIs(kInvalid, "NO_FILES"));
  EXPECT_THAT(PlanUpload({dir / "none"}, {}), StatusIs(kInvalid, "FILE_UNREADABLE"));
}

}  // namespace
}  // namespace tarn::cli
