#include "common/secret_file/secret_file.h"

#include <filesystem>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

class SecretFileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& text, mode_t mode) {
    const std::string path = dir_.WriteFile("key", text);
    chmod(path.c_str(), mode);
    return path;
  }

  TempDir dir_;
};

TEST_F(SecretFileTest, WhatWasCreatedIsReadAndIsForItsOwnerAlone) {
  const std::string path = dir_ / "secrets/admin.key";
  ASSERT_OK(CreateSecretFile(path, "hunter2"));
  ASSERT_OK_AND_ASSIGN(std::string secret, ReadSecretFile(path));
  EXPECT_EQ(secret, "hunter2");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_ / "secrets"), {}), 1);
}

TEST_F(SecretFileTest, AFileThatIsThereIsNotReplaced) {
  const std::string path = Write("first\n", 0600);
  EXPECT_THAT(CreateSecretFile(path, "second"),
              StatusIs(absl::StatusCode::kAlreadyExists, "SECRET_FILE_EXISTS"));
  EXPECT_EQ(*ReadSecretFile(path), "first");
}

TEST_F(SecretFileTest, AFileThatOthersCanReadIsRefusedWithTheCommandThatMendsIt) {
  for (const mode_t mode : {0644, 0604, 0620, 0601, 0666}) {
    const std::string path = Write("secret", mode);
    EXPECT_THAT(ReadSecretFile(path),
                StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_EXPOSED",
                         HasSubstr("chmod 600 " + path)));
  }
  EXPECT_OK(ReadSecretFile(Write("secret", 0400)));
}

TEST_F(SecretFileTest, ItsGroupMayReadWhatBelongsToRoot) {
  const std::string path = Write("secret", 0440);
  EXPECT_EQ(ReadSecretFile(path).ok(), geteuid() == 0);
}

TEST_F(SecretFileTest, AMissingFileAnotherKindOfFileAndALargeOneAreTold) {
  EXPECT_THAT(ReadSecretFile(dir_ / "none"),
              StatusIs(absl::StatusCode::kNotFound, "SECRET_FILE_MISSING"));
  EXPECT_THAT(ReadSecretFile(dir_.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_UNREADABLE"));
  const std::string pipe = dir_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ReadSecretFile(pipe),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_UNREADABLE"));
  EXPECT_THAT(ReadSecretFile(Write(std::string(kMaxSecretFileBytes + 1, 'x'), 0600)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_UNREADABLE",
                       HasSubstr("64 KiB")));
}

TEST_F(SecretFileTest, AFolderThatCannotBeIsTold) {
  dir_.WriteFile("secrets", "a file where the folder should be");
  EXPECT_THAT(CreateSecretFile(dir_ / "secrets/key", "x"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_UNWRITABLE"));
}

}  // namespace
}  // namespace tarn
