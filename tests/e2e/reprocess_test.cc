// The example's readings once more: their activities are changed, and what arrived before follows,
// through real processes, one of which is killed on the way.
#include <fstream>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/deployment.h"
#include "tests/e2e/smart_hub.h"

namespace tarn::e2e {
namespace {

using ::testing::HasSubstr;

// As many as the example's real data has.
constexpr int kMessages = 9995;

class ReprocessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hub_.Generate({.homes = 1, .days = 1, .messages = kMessages});
    ASSERT_TRUE(tarn_.Start());
    hub_.Must({"apply", "-f", "docs/examples/smart-hub/01-databases.yaml"});
  }
  // A stream of device messages that keeps raw copies, with the temperature in this unit.
  void ApplyStream(const std::string& unit) {
    const std::string convert =
        unit == "celsius"
            ? ""
            : absl::StrCat("\n        - convert: {column: temp, from: celsius, to: ", unit, "}");
    const std::string path = tarn_.folder() + "/stream.yaml";
    std::ofstream(path) << R"(apiVersion: tarn/v1
kind: Stream
metadata:
  name: messages
spec:
  delivery: {maxDelay: 1s}
  rawCopy: {retention: 86400s}
  columns:
    - name: data
      type: struct
      fields:
        - {name: co, type: double}
        - {name: humidity, type: double}
        - {name: light, type: boolean}
        - {name: lpg, type: double}
        - {name: motion, type: boolean}
        - {name: smoke, type: double}
        - {name: temp, type: double}
    - {name: device_id, type: string}
    - {name: ts, type: double}
    - {name: device, type: string}
  destinations:
    - table: databases/iot/tables/readings
      activities:
        - flatten: {columns: [data]})"
                        << convert << R"(
        - select: {columns: [device, ts, temp, humidity]}
)";
    hub_.Must({"apply", "-f", path});
  }
  std::vector<std::string> Means() {
    return tarn_.Query(
        "SELECT device, count(*), round(avg(temp), 6), round(avg(humidity), 6) FROM iot.readings "
        "GROUP BY device ORDER BY device");
  }
  // The means as they are in Celsius.
  std::vector<std::string> MeansInCelsius() {
    return tarn_.Query(
        "SELECT device, count(*), round(avg((temp - 32) / 1.8), 6), round(avg(humidity), 6) FROM "
        "iot.readings GROUP BY device ORDER BY device");
  }

  Deployment tarn_{Form::kSixProcesses, {.flags = {{"ingestion.reprocess_lease", "2s"}}}};
  SmartHub hub_{tarn_};
};

TEST_F(ReprocessTest, TheMeansFollowTheActivitiesAndTheCountStays) {
  ApplyStream("fahrenheit");
  hub_.Must({"put", "messages", hub_.raw() + "/iot/raw_data_large.json", "--flush"});
  const std::vector<std::string> celsius = MeansInCelsius();
  const std::vector<std::string> fahrenheit = Means();
  ASSERT_NE(celsius, fahrenheit);
  const std::vector<std::string> all = {absl::StrCat(kMessages)};
  EXPECT_EQ(tarn_.Query("SELECT count(*) FROM iot.readings"), all);
  const std::vector<std::string> arrivals = tarn_.Query(
      "SELECT count(*), min(epoch_us(_ingested_at)), max(epoch_us(_ingested_at)) FROM "
      "iot.readings");

  ApplyStream("celsius");
  const std::string now = absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone());
  const std::vector<std::string> command = {"reprocess", "messages", "--from", "2020-01-01",
                                            "--to",      now,        "--wait"};
  EXPECT_THAT(hub_.Must(command).out,
              HasSubstr("9,995 records read, 9,995 rows in the place of 9,995"));
  EXPECT_EQ(Means(), celsius);
  EXPECT_EQ(tarn_.Query("SELECT count(*), min(epoch_us(_ingested_at)), "
                        "max(epoch_us(_ingested_at)) FROM iot.readings"),
            arrivals);

  // And back, with ingestion killed under it.
  ApplyStream("fahrenheit");
  hub_.Must({"reprocess", "messages", "--from", "2020-01-01", "--to", now});
  tarn_.KillAndRestart("ingestion");
  ASSERT_TRUE(tarn_.WaitServing());
  std::string listed;
  EXPECT_TRUE(WaitUntil(
      [&] {
        listed = tarn_.Tarn({"get", "reprocess", "messages", "-o", "json"}).out;
        return listed.find("RUNNING") == std::string::npos &&
               listed.find("QUEUED") == std::string::npos &&
               listed.find("SUCCEEDED") != std::string::npos;
      },
      absl::Minutes(2)))
      << listed;
  EXPECT_EQ(listed.find("FAILED"), std::string::npos) << listed;
  EXPECT_EQ(Means(), fahrenheit);
  EXPECT_EQ(tarn_.Query("SELECT count(*) FROM iot.readings"), all);
}

}  // namespace
}  // namespace tarn::e2e
