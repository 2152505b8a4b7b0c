#include "common/ids/ids.h"

#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <absl/time/clock.h>
#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(NewUuidTest, IsAVersion7UuidOfTheCurrentTime) {
  const std::int64_t before = absl::ToUnixMillis(absl::Now());
  const std::string uuid = NewUuid();
  ASSERT_TRUE(IsUuid(uuid)) << uuid;
  EXPECT_EQ(uuid[14], '7');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
  const std::int64_t millis = std::stoll(uuid.substr(0, 8) + uuid.substr(9, 4), nullptr, 16);
  EXPECT_GE(millis, before);
  EXPECT_LE(millis, before + 10000);
}

TEST(NewUuidTest, AscendsWithinAProcess) {
  std::string last = NewUuid();
  for (int i = 0; i < 20000; ++i) {  // far more than fit into one millisecond's counter
    std::string next = NewUuid();
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(NewUuidTest, IsUniqueAcrossThreads) {
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        std::string uuid = NewUuid();
        std::lock_guard lock(mutex);
        seen.insert(std::move(uuid));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 8000u);
}

TEST(IsUuidTest, RefusesWhatIsNotALowerCaseUuid) {
  EXPECT_FALSE(IsUuid(""));
  EXPECT_FALSE(IsUuid("018F4E1C-0000-7000-8000-000000000000"));
  EXPECT_FALSE(IsUuid("018f4e1c00000-7000-8000-000000000000"));
}

TEST(NewShortIdTest, IsEightHexDigits) {
  const std::string id = NewShortId();
  EXPECT_EQ(id.size(), 8u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(NewSecretTest, IsUrlSafeAndNeverTheSame) {
  const std::string secret = NewSecret(32);
  EXPECT_EQ(secret.size(), 43u);
  EXPECT_EQ(secret.find_first_of("+/="), std::string::npos);
  EXPECT_NE(secret, NewSecret(32));
}

}  // namespace
}  // namespace tarn
