#include "services/dashboard/identity/first_start.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_data.h"
#include "services/dashboard/identity/identity_manager.h"
#include "services/dashboard/identity/key_secret.h"
#include "services/dashboard/identity/testing/fake_identity_store.h"

namespace tarn::dashboard {
namespace {

class FirstStartTest : public ::testing::Test {
 protected:
  FirstStartTest() { identity_.SetSigner(*auth::TokenSigner::Generate()); }

  absl::Status Ensure() { return EnsureFirstKeys(files_, store_, clock_); }
  static std::string SecretIn(const std::string& path) {
    std::string text = ReadFile(path);
    text.pop_back();
    return text;
  }

  TempDir dir_;
  KeyFiles files_{(dir_ / "secrets/admin.key").string(), (dir_ / "service.key").string()};
  FakeClock clock_;
  FakeIdentityStore store_;
  IdentityManager identity_{store_, clock_};
};

TEST_F(FirstStartTest, MakesBothKeysInFilesOfTheirOwnerAlone) {
  ASSERT_OK(Ensure());
  ASSERT_OK_AND_ASSIGN(IssuedToken admin, identity_.ExchangeKey(SecretIn(files_.admin)));
  EXPECT_EQ(admin.caller.user, "admin");
  EXPECT_TRUE(admin.caller.IsAdmin());
  ASSERT_OK_AND_ASSIGN(IssuedToken service, identity_.ExchangeKey(SecretIn(files_.service)));
  EXPECT_TRUE(service.caller.IsService());
  for (const std::string& path : {files_.admin, files_.service}) {
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
}

TEST_F(FirstStartTest, ASecondStartChangesNothing) {
  ASSERT_OK(Ensure());
  std::string admin = SecretIn(files_.admin);
  ASSERT_OK(Ensure());
  EXPECT_EQ(SecretIn(files_.admin), admin);
  EXPECT_EQ(store_.ListKeys("default", "", 10)->size(), 2u);
}

TEST_F(FirstStartTest, AKillBetweenFileAndCommitLeavesAFileThatTheNextStartRegisters) {
  std::string secret = NewKeySecret().text;
  dir_.WriteFile("secrets/admin.key", secret + "\n");
  ASSERT_OK(Ensure());
  EXPECT_OK(identity_.ExchangeKey(secret));
}

TEST_F(FirstStartTest, AnAdministratorMayDeleteTheFile) {
  ASSERT_OK(Ensure());
  std::filesystem::remove(files_.admin);
  ASSERT_OK(Ensure());
  EXPECT_FALSE(std::filesystem::exists(files_.admin));
}

TEST_F(FirstStartTest, ALostServiceKeyIsReplaced) {
  ASSERT_OK(Ensure());
  std::filesystem::remove(files_.service);
  ASSERT_OK(Ensure());
  EXPECT_OK(identity_.ExchangeKey(SecretIn(files_.service)));
}

TEST_F(FirstStartTest, AMalformedFileIsNamed) {
  dir_.WriteFile("service.key", "hunter2");
  EXPECT_THAT(CheckKeyFiles(files_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "KEY_FILE_MALFORMED",
                       ::testing::HasSubstr("service.key")));
  EXPECT_THAT(Ensure(), StatusIs(absl::StatusCode::kFailedPrecondition, "KEY_FILE_MALFORMED"));
}

TEST_F(FirstStartTest, NoKeyIsLeftWhenItsFileCannotBeWritten) {
  dir_.WriteFile("secrets", "a file where the folder should be");
  EXPECT_THAT(Ensure(), StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_UNWRITABLE"));
  EXPECT_TRUE(store_.ListKeys("default", "", 10)->empty());
}

}  // namespace
}  // namespace tarn::dashboard
