#include "common/auth/token_signer.h"

#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/auth/testing/fake_tokens.h"
#include "common/clock/fake_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::auth {
namespace {

TEST(TokenSignerTest, RefusesLifetimesBeyondFiveMinutesAndEmptyCallers) {
  FakeClock clock;
  ASSERT_OK_AND_ASSIGN(TokenSigner signer, TokenSigner::Generate());
  EXPECT_THAT(signer.Mint(TestCaller(), absl::Minutes(6), clock),
              StatusIs(absl::StatusCode::kInvalidArgument, "TOKEN_LIFETIME_INVALID"));
  EXPECT_THAT(signer.Mint(TestCaller(), absl::ZeroDuration(), clock),
              StatusIs(absl::StatusCode::kInvalidArgument, "TOKEN_LIFETIME_INVALID"));
  EXPECT_THAT(signer.Mint(TestCaller(""), absl::Minutes(1), clock),
              StatusIs(absl::StatusCode::kInvalidArgument, "CALLER_INVALID"));
}

TEST(TokenSignerTest, SaysWhenTheTokenEnds) {
  FakeClock clock;
  ASSERT_OK_AND_ASSIGN(TokenSigner signer, TokenSigner::Generate());
  ASSERT_OK_AND_ASSIGN(MintedToken minted, signer.Mint(TestCaller(), absl::Minutes(5), clock));
  EXPECT_EQ(minted.expire_time, clock.Now() + absl::Minutes(5));
}

TEST(TokenSignerTest, TheKeyFileIsMadeOnceForItsOwnerAlone) {
  TempDir folder;
  std::string path = folder / "keys/signing.pem";
  ASSERT_OK_AND_ASSIGN(TokenSigner first, TokenSigner::LoadOrCreate(path));
  ASSERT_OK_AND_ASSIGN(TokenSigner second, TokenSigner::LoadOrCreate(path));
  EXPECT_EQ(first.signing_key().key_id, second.signing_key().key_id);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / "keys")) {
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST(TokenSignerTest, ProcessesThatMakeTheKeyFileAtOnceEndWithTheSameKey) {
  TempDir folder;
  std::string path = folder / "signing.pem";
  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&] { id = TokenSigner::LoadOrCreate(path)->signing_key().key_id; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
}

TEST(TokenSignerTest, AKeyFileThatIsDamagedOrOpenToOthersIsRefused) {
  TempDir folder;
  std::string path = folder.WriteFile("signing.pem", "damaged");
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  EXPECT_THAT(TokenSigner::LoadOrCreate(path),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SIGNING_KEY_UNREADABLE"));
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_THAT(TokenSigner::LoadOrCreate(path),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_EXPOSED",
                       ::testing::HasSubstr("chmod 600")));
  EXPECT_THAT(TokenSigner::FromPemFile(folder / "none.pem"),
              StatusIs(absl::StatusCode::kNotFound, "SECRET_FILE_MISSING"));
}

}  // namespace
}  // namespace tarn::auth
