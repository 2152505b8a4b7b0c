#include "common/rpc/service_directory.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::rpc {
namespace {

TEST(ServiceDirectoryTest, SharesOneChannelForEachModule) {
  ServiceDirectory directory({{"catalog", "localhost:1"}, {"query", "localhost:2"}},
                             grpc::InsecureChannelCredentials());
  EXPECT_EQ(directory.ChannelFor("catalog"), directory.ChannelFor("catalog"));
  EXPECT_NE(directory.ChannelFor("catalog"), directory.ChannelFor("query"));
}

TEST(ServiceDirectoryTest, AChannelThatWasSetWins) {
  ServiceDirectory directory({{"catalog", "localhost:1"}}, grpc::InsecureChannelCredentials());
  auto channel = grpc::CreateChannel("localhost:3", grpc::InsecureChannelCredentials());
  directory.Set("catalog", channel);
  EXPECT_EQ(directory.ChannelFor("catalog"), channel);
}

TEST(ServiceDirectoryDeathTest, AnUnknownModuleEndsTheProgramWithAMessage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(ServiceDirectory().ChannelFor("catalog"), "no channel to module 'catalog'");
}

TEST(ClientCredentialsTest, AnAuthorityFileThatIsNoneIsRefused) {
  TempDir folder;
  EXPECT_THAT(ClientCredentials(true, folder.WriteFile("ca.pem", "text")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TLS_FILE_UNREADABLE"));
  EXPECT_THAT(ClientCredentials(true, folder / "missing.pem"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TLS_FILE_UNREADABLE"));
  EXPECT_OK(ClientCredentials(false, ""));
}

}  // namespace
}  // namespace tarn::rpc
