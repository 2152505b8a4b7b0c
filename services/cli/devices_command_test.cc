// tarn devices against a server.
#include <fstream>

#include <gmock/gmock.h>

#include "tarn/ingestion/v1/device_registry_service.pb.h"

#include "common/status/error.h"
#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(CommandTest, DevicesAreImportedFromAFileAndBadLinesAreNamed) {
  std::vector<ingestion::v1::ImportDevicesRequest> sent;
  absl::Status answer;
  tarn_.On<ingestion::v1::ImportDevicesRequest, ingestion::v1::ImportDevicesResponse>(
      "/tarn.ingestion.v1.DeviceRegistryService/ImportDevices",
      [&](const auto& requests, auto* responses) {
        sent = requests;
        if (answer.ok()) responses->emplace_back().set_created_count(2);
        return answer;
      });
  const std::string file = dir_ / "devices.csv";
  std::ofstream(file) << "id,type\na,lamp\nb,\n";
  CommandResult result = Run({"devices", "import", file, "--type", "sensor"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "2 devices created, 0 updated, 0 unchanged\n");
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].header().format(), ingestion::v1::DEVICE_IMPORT_FORMAT_CSV);
  EXPECT_EQ(sent[0].header().default_type(), "sensor");
  EXPECT_EQ(sent[1].chunk(), "id,type\na,lamp\nb,\n");
  result = Run({"devices", "import", "--dry-run", "-"}, R"([{"id":"a"}])");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(sent[0].header().format(), ingestion::v1::DEVICE_IMPORT_FORMAT_JSON);
  EXPECT_TRUE(sent[0].header().validate_only());
  const absl::Status lines =
      InvalidFields({{"line 7", "has no id"}, {"line 9, column lat", "is no number"}});
  answer = InvalidArgument("INVALID_IMPORT", "nothing was imported");
  const std::string type_url(kBadRequestTypeUrl);
  answer.SetPayload(type_url, *lines.GetPayload(type_url));
  result = Run({"devices", "import", file});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(file + ", line 7: has no id\n"),
                                HasSubstr(file + ", line 9, column lat: is no number\n")));
  EXPECT_EQ(Run({"devices", "import", dir_ / "none.csv"}).code, 1);
}

}  // namespace
}  // namespace tarn::cli
