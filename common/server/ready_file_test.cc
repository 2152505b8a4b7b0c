#include "common/server/ready_file.h"

#include <filesystem>
#include <unistd.h>

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"

namespace tarn::server {
namespace {

using ::testing::HasSubstr;

class ReadyFileTest : public ::testing::Test {
 protected:
  TempDir folder_;
  const std::string path_ = folder_ / "ready.json";
};

TEST_F(ReadyFileTest, NamesTheProcessAndItsAddresses) {
  ASSERT_OK(WriteReadyFile(path_, {{"catalog", "127.0.0.1:7101"}}));
  EXPECT_EQ(ReadFile(path_), "{\"addresses\":{\"catalog\":\"127.0.0.1:7101\"},\"pid\":" +
                                 std::to_string(getpid()) + "}\n");
  RemoveReadyFile(path_);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(ReadyFileTest, AnotherProcesssFileIsNotRemoved) {
  for (const char* content : {"{\"pid\": 1, \"addresses\": {}}", "{}", "[]", "no JSON", ""}) {
    folder_.WriteFile("ready.json", content);
    RemoveReadyFile(path_);
    EXPECT_EQ(ReadFile(path_), content);
  }
}

TEST_F(ReadyFileTest, AFolderThatIsMissingIsTold) {
  EXPECT_THAT(WriteReadyFile(folder_ / "none/ready.json", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "READY_FILE_FAILED",
                       HasSubstr("none/ready.json")));
  // Nothing to write and nothing to remove.
  EXPECT_OK(WriteReadyFile("", {}));
  RemoveReadyFile("");
  RemoveReadyFile(folder_ / "none/ready.json");
}

}  // namespace
}  // namespace tarn::server
