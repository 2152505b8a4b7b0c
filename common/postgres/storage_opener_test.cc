#include "common/postgres/storage_opener.h"

#include <future>

#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn {
namespace {

TEST(StorageOpenerTest, ADatabaseThatIsThereIsOpenWhenStartReturns) {
  int tries = 0;
  StorageOpener opener("stars", [&] {
    ++tries;
    return absl::OkStatus();
  });
  opener.Start();
  EXPECT_OK(opener.Check());
  opener.Stop();
  EXPECT_EQ(tries, 1);
}

TEST(StorageOpenerTest, TriesAgainUntilItWorks) {
  int tries = 0;
  std::promise<void> worked;
  StorageOpener opener("stars", [&]() -> absl::Status {
    if (++tries < 3) return Unavailable("POSTGRES_UNAVAILABLE", "nobody listens");
    worked.set_value();
    return absl::OkStatus();
  });
  opener.Start();
  worked.get_future().wait();
  opener.Stop();  // Waits for the try to end.
  EXPECT_OK(opener.Check());
  EXPECT_EQ(tries, 3);
}

TEST(StorageOpenerTest, BeforeTheFirstTryItSaysSo) {
  StorageOpener opener("stars", [] { return absl::OkStatus(); });
  const absl::Status status = opener.Check();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, "DATABASE_NOT_READY"));
  EXPECT_EQ(status.message(), "stars has not opened its database yet");
}

TEST(StorageOpenerTest, CheckSaysWhyItIsNotOpenAsUnavailable) {
  struct Case {
    absl::Status failure;
    std::string reason;
  };
  const Case cases[] = {
      {Unavailable("POSTGRES_UNAVAILABLE", "nobody listens"), "POSTGRES_UNAVAILABLE"},
      {FailedPrecondition("MIGRATION_CHANGED", "0001 is another one"), "MIGRATION_CHANGED"},
      {absl::InternalError("no reason given"), "DATABASE_NOT_READY"},
  };
  for (const Case& c : cases) {
    StorageOpener opener("stars", [&] { return c.failure; });
    opener.Start();
    const absl::Status status = opener.Check();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, c.reason));
    EXPECT_EQ(status.message(), c.failure.message());
  }
}

TEST(StorageOpenerTest, StopEndsTheRetry) {
  int tries = 0;
  std::promise<void> tried_again;
  StorageOpener opener("stars", [&]() -> absl::Status {
    if (++tries == 2) tried_again.set_value();
    return Unavailable("POSTGRES_UNAVAILABLE", "nobody listens");
  });
  opener.Start();
  tried_again.get_future().wait();
  opener.Stop();  // Returns only when no more is tried.
  opener.Stop();
  EXPECT_THAT(opener.Check(), StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
}

}  // namespace
}  // namespace tarn
