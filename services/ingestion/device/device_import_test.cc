// The text of an import as devices, and what is said of a bad one.
#include "services/ingestion/device/device_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<Device>> Csv(std::string_view text, const std::string& type = "sensor") {
  v1::ImportDevicesHeader header;
  header.set_format(v1::DEVICE_IMPORT_FORMAT_CSV);
  header.set_default_type(type);
  return ParseDeviceImport(header, text);
}

absl::StatusOr<std::vector<Device>> JsonText(std::string_view text) {
  v1::ImportDevicesHeader header;
  header.set_format(v1::DEVICE_IMPORT_FORMAT_JSON);
  return ParseDeviceImport(header, text);
}

std::vector<std::string> Places(const absl::Status& status) {
  std::vector<std::string> places;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    places.push_back(violation.field);
  }
  return places;
}

TEST(DeviceImportTest, ACsvColumnOfNumbersHoldsNumbersAndAMixedOneText) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Device> devices,
                       Csv("id,type,lat,serial,active,code:string,metadata.note\r\n"
                           "d1,thermo,37.5,0123,true,7,\"says \"\"hi\"\",\nmore\"\r\n"
                           "\r\n"
                           "d2,,-1e2,12,false,8,\r\n"));
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].id, "d1");
  EXPECT_EQ(devices[0].type, "thermo");
  EXPECT_EQ(devices[0].attributes, R"({"active":true,"code":"7","lat":37.5,"serial":"0123"})");
  EXPECT_EQ(devices[0].metadata, R"({"note":"says \"hi\",\nmore"})");
  EXPECT_EQ(devices[1].type, "sensor");
  EXPECT_EQ(devices[1].attributes, R"({"active":false,"code":"8","lat":-100.0,"serial":"12"})");
  EXPECT_EQ(devices[1].metadata, "{}");
}

TEST(DeviceImportTest, EveryBadLineOfACsvIsNamed) {
  const absl::Status status = Csv("id,x\nd1,1\nbad id,2\nd2\nd1,3\n,4\nd3,\"\xff\"\n").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_IMPORT",
                               HasSubstr("nothing was imported")));
  EXPECT_THAT(Places(status),
              ElementsAre("line 4", "line 7, column x", "line 3", "line 5", "line 6"));
}

TEST(DeviceImportTest, ABrokenQuoteIsNamedByItsLine) {
  EXPECT_THAT(Places(Csv("id,x\nd1,\"open\nd2,1\n").status()), ElementsAre("line 2"));
  EXPECT_THAT(Places(Csv("id,x\nd1,\"a\"b\n").status()), ElementsAre("line 2"));
}

TEST(DeviceImportTest, AHeaderWithoutIdOrWithAColumnTwiceIsRefused) {
  EXPECT_THAT(Places(Csv("name,x\n").status()), ElementsAre("line 1"));
  EXPECT_THAT(Places(Csv("id,x,x\nd1,1,2\n").status()), ElementsAre("line 1, column 3"));
  EXPECT_THAT(Places(Csv("").status()), ElementsAre("line 1"));
}

TEST(DeviceImportTest, JsonLinesAndAnArrayGiveTheSame) {
  const std::string one = R"({"id":"d1","type":"t","attributes":{"a":[1,{"b":null}]}})";
  const std::string two = R"({"id":"d2","type":"t","metadata":{"m":"x"}})";
  ASSERT_OK_AND_ASSIGN(const std::vector<Device> lines, JsonText(one + "\n\n" + two));
  ASSERT_OK_AND_ASSIGN(const std::vector<Device> array, JsonText(" [" + one + ",\n" + two + "]"));
  for (const std::vector<Device>& devices : {lines, array}) {
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_EQ(devices[0].attributes, R"({"a":[1,{"b":null}]})");
    EXPECT_EQ(devices[1].metadata, R"({"m":"x"})");
  }
}

TEST(DeviceImportTest, EveryBadJsonLineIsNamed) {
  const absl::Status status =
      JsonText(
          "{\"id\":\"d1\",\"type\":\"t\"}\n{oops\n[1]\n{\"id\":7,\"type\":\"t\"}\n"
          "{\"id\":\"d2\",\"type\":\"t\",\"lat\":1}\n{\"id\":\"d3\"}\n"
          "{\"id\":\"d4\",\"type\":\"t\",\"attributes\":{\"x\":1e400}}\n")
          .status();
  EXPECT_THAT(Places(status),
              ElementsAre("line 2", "line 3", "line 4", "line 5", "line 6", "line 7"));
  EXPECT_THAT(Places(JsonText("[{\"id\":\"d1\",\"type\":\"t\"},3]").status()),
              ElementsAre("item 2"));
  EXPECT_THAT(Places(JsonText("[1,").status()), ElementsAre("the array"));
}

TEST(DeviceImportTest, HostileTextsAreRefusedAndNotFollowed) {
  EXPECT_FALSE(JsonText(std::string(1 << 20, '[')).ok());
  EXPECT_FALSE(JsonText("{\"id\":\"d\",\"type\":\"t\",\"attributes\":{\"x\":\"" +
                        std::string(5000, 'x') + "\"}}")
                   .ok());
  EXPECT_FALSE(JsonText("{\"id\":\"d\",\"type\":\"t\",\"attributes\":{\"x\":\"\\u0000\"}}").ok());
  // No more problems than anybody reads.
  std::string many = "id\n";
  for (int i = 0; i < 10'000; ++i) many += "bad id\n";
  EXPECT_EQ(Places(Csv(many).status()).size(), 100u);
}

TEST(DeviceImportTest, AFormatIsNeeded) {
  EXPECT_THAT(ParseDeviceImport(v1::ImportDevicesHeader(), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

}  // namespace
}  // namespace tarn::ingestion
