#include "common/server/listen_address.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::server {
namespace {

TEST(ListenAddressTest, ReadsNamesAndBothKindsOfAddresses) {
  ASSERT_OK_AND_ASSIGN(ListenAddress v4, ParseListenAddress("0.0.0.0:7100", "x.listen"));
  EXPECT_EQ(v4.host, "0.0.0.0");
  EXPECT_EQ(v4.port, 7100);
  EXPECT_FALSE(v4.IsLoopback());
  ASSERT_OK_AND_ASSIGN(ListenAddress v6, ParseListenAddress("[::1]:0", "x.listen"));
  EXPECT_EQ(v6.host, "::1");
  EXPECT_TRUE(v6.IsLoopback());
  EXPECT_TRUE(ParseListenAddress("localhost:1", "x.listen")->IsLoopback());
  EXPECT_TRUE(ParseListenAddress("127.0.0.2:1", "x.listen")->IsLoopback());
}

TEST(ListenAddressTest, RefusesWhatIsNoAddressAndNamesTheOption) {
  for (const char* bad : {"", "7100", "host", "host:", ":7100", "host:x", "host:70000", "host:-1",
                          "::1:7100", "host:1 "}) {
    EXPECT_THAT(ParseListenAddress(bad, "catalog.listen"),
                StatusIs(absl::StatusCode::kInvalidArgument, "LISTEN_ADDRESS_INVALID",
                         ::testing::HasSubstr("catalog.listen")))
        << bad;
  }
}

TEST(ListenAddressTest, OthersMustNotReachAListenerWithoutTls) {
  ListenAddress open{"0.0.0.0", 7100};
  EXPECT_THAT(CheckListenerSecurity(open, "dashboard.listen", false, false),
              StatusIs(absl::StatusCode::kFailedPrecondition, "INSECURE_LISTENER",
                       ::testing::HasSubstr("--allow-insecure-listen")));
  EXPECT_OK(CheckListenerSecurity(open, "dashboard.listen", true, false));
  EXPECT_OK(CheckListenerSecurity(open, "dashboard.listen", false, true));
  EXPECT_OK(CheckListenerSecurity({"127.0.0.1", 7100}, "dashboard.listen", false, false));
}

TEST(ListenAddressTest, AnAddressOfAnotherMachineCannotBeBound) {
  // 192.0.2.0/24 is set aside for documentation.
  EXPECT_THAT(CheckCanBind({"192.0.2.1", 0}, "catalog.listen"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "ADDRESS_NOT_HERE"));
  EXPECT_OK(CheckCanBind({"127.0.0.1", 0}, "catalog.listen"));
}

}  // namespace
}  // namespace tarn::server
