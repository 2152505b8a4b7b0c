// The answers of the real sample, which is not part of the project: from $TARN_SAMPLE_DATA, or from
// ../shared/data beside the source tree, where the tests run. Where there is neither, those of
// generated data of its size.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "tools/datagen/read_answers.h"
#include "tools/datagen/smart_hub_writer.h"

namespace tarn::datagen {
namespace {

using nlohmann::json;

void ExpectTheRealUsage(const json& hub) {
  EXPECT_EQ(hub["rows"], 17280);
  EXPECT_EQ(hub["cost_cents"], 3455.1597);
  EXPECT_EQ(hub["kwh"], 423.21036);
  EXPECT_EQ(hub["homes"].size(), 3u);
  EXPECT_EQ(hub["unmatched_rows"], 0);
  EXPECT_EQ(hub["rows_outside_date"], 0);
  EXPECT_EQ(hub["rounding_differences"], 0);
  EXPECT_EQ(hub["rates"], 96);
  const json& days = hub["homes"]["b6a8d42425fde548"]["days"];
  EXPECT_EQ(days["2019-12-21"]["rows"], 2880);
  EXPECT_EQ(days["2019-12-21"]["cost_cents"], 586.6929);
  EXPECT_EQ(days["2019-12-22"]["rows"], 2880);
  EXPECT_EQ(days["2019-12-22"]["cost_cents"], 565.0270);
}

void ExpectTheRealExampleHome(const json& example) {
  EXPECT_EQ(example["loc_id"], "b6a8d42425fde548");
  EXPECT_EQ(example["date"], "2019-12-21");
  EXPECT_EQ(example["first_local_time"], "00:00:00");
  EXPECT_EQ(example["last_local_time"], "23:55:00");
  const std::map<std::string, double> by_device = {{"Central Air Conditioner", 355.6241},
                                                   {"Refrigerator", 94.9567},
                                                   {"Clothes Dryer", 67.8207},
                                                   {"Clothes Washer", 26.5906},
                                                   {"Dishwasher", 10.3200},
                                                   {"Hair Dryer", 7.8357},
                                                   {"Microwave Oven", 7.4094},
                                                   {"Flat Screen TV", 7.1833},
                                                   {"Ceiling Fan", 4.4931},
                                                   {"Coffee Maker", 4.4593}};
  EXPECT_EQ(example["by_device"].size(), by_device.size());
  for (const auto& [device, cost] : by_device) {
    EXPECT_EQ(example["by_device"][device]["cost_cents"], cost) << device;
  }
  const json& by_type = example["by_type_all_days"];
  EXPECT_EQ(by_type["off-peak"]["rows"], 2160);
  EXPECT_EQ(by_type["off-peak"]["cost_cents"], 138.8743);
  EXPECT_EQ(by_type["partial-peak"]["rows"], 1920);
  EXPECT_EQ(by_type["partial-peak"]["cost_cents"], 471.3945);
  EXPECT_EQ(by_type["peak"]["rows"], 1680);
  EXPECT_EQ(by_type["peak"]["cost_cents"], 541.4511);
}

void ExpectTheRealDeviceMessages(const json& iot) {
  struct Known {
    const char* device;
    int messages;
    double mean_temp_f, co_sum, co_sum_unrounded, co_max;
  };
  for (const Known& known : {Known{"iot-device-01", 2713, 66.6797, 13.1106, 13.1082, 0.011925},
                             Known{"iot-device-02", 2611, 76.5896, 11.5649, 11.5552, 0.004961},
                             Known{"iot-device-03", 4671, 71.5356, 24.1196, 24.1397, 0.005658}}) {
    SCOPED_TRACE(known.device);
    const json& device = iot["devices"][known.device];
    EXPECT_EQ(device["messages"], known.messages);
    EXPECT_EQ(device["mean_temp_f"], known.mean_temp_f);
    EXPECT_EQ(device["co_sum"], known.co_sum);
    EXPECT_EQ(device["co_sum_unrounded"], known.co_sum_unrounded);
    EXPECT_NEAR(device["co_max"].get<double>(), known.co_max, 5e-7);
  }
  EXPECT_EQ(iot["messages"], 9995);
  EXPECT_EQ(iot["small_messages"], 5);
  EXPECT_EQ(iot["lpg_sum"], 75.4268);
  EXPECT_EQ(iot["smoke_sum"], 201.2381);
  EXPECT_EQ(iot["humidity_sum"], 598311.2);
  EXPECT_EQ(iot["distinct_lpg"], 62);
  EXPECT_EQ(iot["devices_with_co_above_0.01"], json::array({"iot-device-01"}));
}

TEST(SampleDataTest, TheFilesGiveTheKnownAnswers) {
  const char* named = std::getenv("TARN_SAMPLE_DATA");
  const std::filesystem::path real = named != nullptr ? named : "../shared/data";
  if (std::filesystem::is_directory(real / "smart_hub")) {
    ASSERT_OK_AND_ASSIGN(const Answers answers, ComputeAnswers(real));
    const json read = json::parse(AnswersJson(answers));
    ExpectTheRealUsage(read["smart_hub"]);
    ExpectTheRealExampleHome(read["smart_hub"]["example"]);
    ExpectTheRealDeviceMessages(read["iot"]);
    return;
  }
  const TempDir dir;
  SmartHubOptions options;
  options.out = dir / "data";
  ASSERT_OK_AND_ASSIGN(const Answers made, Generate(options));
  ASSERT_OK_AND_ASSIGN(const Answers answers, ComputeAnswers(options.out));
  EXPECT_EQ(json::parse(AnswersJson(answers)), json::parse(AnswersJson(made)));
  EXPECT_EQ(answers.smart_hub.total.rows, 17280);
  EXPECT_EQ(answers.iot.messages, 9995);
}

}  // namespace
}  // namespace tarn::datagen
