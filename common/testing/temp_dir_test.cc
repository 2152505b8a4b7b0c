#include "common/testing/temp_dir.h"

#include <gtest/gtest.h>

#include "common/testing/test_data.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

TEST(TempDirTest, IsRemovedWithItsContent) {
  fs::path path;
  {
    TempDir dir;
    path = dir.path();
    EXPECT_EQ(ReadFile(dir.WriteFile("a/b/c.txt", "text")), "text");
    EXPECT_TRUE(fs::exists(dir / "a/b/c.txt"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TempDirTest, IsClosedToOthersUnlessAskedFor) {
  EXPECT_EQ(fs::status(TempDir().path()).permissions(), fs::perms(0700));
  EXPECT_EQ(fs::status(TempDir(TempDir::Access::kEveryone).path()).permissions(), fs::perms(0755));
}

}  // namespace
}  // namespace tarn
