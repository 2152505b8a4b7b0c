#include "common/lake/lake_paths.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/lake/hive_partition.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::lake {
namespace {

using ::testing::ElementsAre;

namespace fs = std::filesystem;

TEST(LakePathsTest, EveryPlaceOfTheLakeHasItsPath) {
  const absl::Time time = absl::FromUnixSeconds(1'767'229'199);  // 2026-01-01T00:59:59Z
  const std::string uuid = "019b7a2e-0000-7000-8000-0123456789ab";
  EXPECT_EQ(LakePaths::Landing("default", "hub", "usage"), "default/landing/hub/usage");
  EXPECT_EQ(LakePaths::Raw("default", "meters", time), "default/raw/meters/2026/01/01/00");
  EXPECT_EQ(LakePaths::Table("default", "hub", "usage", uuid),
            "default/warehouse/hub/usage-456789ab");
  EXPECT_EQ(LakePaths::TableData("default", "hub", "usage", uuid),
            "default/warehouse/hub/usage-456789ab/data");
  EXPECT_EQ(LakePaths::TableStaging("default", "hub", "usage", uuid, "w1"),
            "default/warehouse/hub/usage-456789ab/staging/w1");
  EXPECT_EQ(LakePaths::Derived("default"), "default/derived");
  EXPECT_EQ(LakePaths::Results("default", time, "q1"), "default/results/2026-01-01/q1");
  EXPECT_EQ(LakePaths::Archive("default"), "default/archive");
}

TEST(LakePathsTest, ANameCannotLeadOutOfItsPlace) {
  EXPECT_EQ(LakePaths::Landing("..", "a/b", "."), "%2E%2E/landing/a%2Fb/%2E");
}

TEST(LakePathsTest, PathsThatLeadAwayAreInvalid) {
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string("a/../b"), std::string(".."),
        std::string("a/./b"), std::string("a//b"), std::string("a/"), std::string("a\0b", 3),
        std::string("a\nb"), std::string("\xff"), std::string("\xc0\xaf"),
        std::string("\xed\xa0\x80"), std::string("a\xe2\x82"), std::string(256, 'x'),
        std::string(4001, 'x')}) {
    EXPECT_THAT(ValidateRelativePath(path),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_PATH"));
  }
  for (const char* path : {"a", "a/b=c%20d/..e", "größe/日本/😀", "a b/c'd"}) {
    EXPECT_OK(ValidateRelativePath(path));
  }
}

TEST(LakePathsTest, SymbolicLinksDoNotLeadOut) {
  TempDir dir;
  fs::create_directories(dir / "lake/default");
  fs::create_directories(dir / "outside");
  fs::create_directory_symlink(dir / "outside", dir / "lake/default/link");
  fs::create_directory_symlink(dir / "lake/default", dir / "lake/inner");
  ASSERT_OK_AND_ASSIGN(LakePaths lake, LakePaths::Open(dir / "lake"));

  EXPECT_THAT(lake.ToAbsolute("default/link/x"),
              StatusIs(absl::StatusCode::kPermissionDenied, "PATH_OUTSIDE_LAKE"));
  EXPECT_THAT(lake.ToRelative(dir / "lake/default/link/x"),
              StatusIs(absl::StatusCode::kPermissionDenied, "PATH_OUTSIDE_LAKE"));
  EXPECT_THAT(lake.ToRelative(dir / "lake/../outside"),
              StatusIs(absl::StatusCode::kPermissionDenied, "PATH_OUTSIDE_LAKE"));
  EXPECT_THAT(lake.ToRelative(dir / "lake"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(lake.ToRelative("default/x"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(lake.ToAbsolute("../outside"),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_PATH"));

  ASSERT_OK_AND_ASSIGN(fs::path inside, lake.ToAbsolute("default/new/x.parquet"));
  EXPECT_EQ(inside, lake.root() / "default/new/x.parquet");
  EXPECT_THAT(lake.ToRelative(inside), IsOkAndHolds(std::string("default/new/x.parquet")));
  EXPECT_THAT(lake.ToAbsolute("inner/x"), IsOkAndHolds(lake.root() / "default/x"));
}

TEST(LakePathsTest, ALakeThatIsNotThereIsSaidSo) {
  TempDir dir;
  EXPECT_THAT(LakePaths::Open(dir / "nope"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "LAKE_NOT_FOUND"));
  EXPECT_THAT(LakePaths::Open(dir.WriteFile("file", "x")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "LAKE_NOT_FOUND"));
}

TEST(HivePartitionTest, EveryValueComesBackAsItself) {
  for (const std::optional<std::string>& value : {std::optional<std::string>(),
                                                  {"x"},
                                                  {""},
                                                  {"a/b=c %"},
                                                  {"Köln"},
                                                  {".."},
                                                  {std::string(kNullPartition)},
                                                  {std::string("a\0b", 3)},
                                                  {"%41"},
                                                  {"2026-01-01 00:00:00+00"}}) {
    const PartitionValue partition{"na/me", value};
    EXPECT_THAT(ParsePartitionSegment(PartitionSegment(partition)), ::testing::Optional(partition));
  }
}

TEST(HivePartitionTest, SegmentsAreWrittenAsTheEngineWritesThem) {
  EXPECT_EQ(PartitionPath({{"r", "x y/=%ü"}, {"n", std::nullopt}}),
            "r=x%20y%2F%3D%25%C3%BC/n=__HIVE_DEFAULT_PARTITION__");
  EXPECT_EQ(PartitionPath({}), "");
}

TEST(HivePartitionTest, AValueThatIsTooLongForAFolderIsCutAndStaysApartFromOthers) {
  std::set<std::string> segments;
  for (size_t length = 150; length < 200; ++length) {
    for (const char* end : {"a", "b"}) {
      std::string text;
      while (text.size() < length) text += "ü/x";
      const std::string segment = PartitionSegment({"name", text + end});
      EXPECT_LE(segment.size(), 200u);
      EXPECT_OK(ValidateRelativePath(segment));
      // Cut between two characters: it can be decoded and encoded again.
      EXPECT_EQ(EncodeSegment(DecodeSegment(segment.substr(5))), segment.substr(5));
      segments.insert(segment);
    }
  }
  EXPECT_EQ(segments.size(), 26u);
  // What is stored must not move: this is where it was.
  EXPECT_EQ(PartitionSegment({"v", std::string(300, 'x')}),
            "v=" + std::string(181, 'x') + "~771A7DBA4845279C");
  EXPECT_EQ(PartitionSegment({"v", std::string(198, 'x')}), "v=" + std::string(198, 'x'));
}

TEST(HivePartitionTest, OnlyFoldersWithNameAndValueArePartitions) {
  EXPECT_THAT(ParsePartitionPath("lake/y=2026/plain/m=01/y=2027/file=x.csv"),
              ElementsAre(PartitionValue{"m", "01"}, PartitionValue{"y", "2027"}));
  EXPECT_EQ(ParsePartitionSegment("=x"), std::nullopt);
  EXPECT_EQ(ParsePartitionSegment("x"), std::nullopt);
  EXPECT_THAT(ParsePartitionSegment("a=50%"), ::testing::Optional(PartitionValue{"a", "50%"}));
}

}  // namespace
}  // namespace tarn::lake
