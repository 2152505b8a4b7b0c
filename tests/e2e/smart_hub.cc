#include "tests/e2e/smart_hub.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <gtest/gtest.h>

namespace tarn::e2e {
namespace {

// The sums of answers are integers: ten-thousandths of a cent.
void ExpectCents(const std::string& text, int64_t cost) {
  double cents = 0;
  EXPECT_TRUE(absl::SimpleAtod(text, &cents)) << text;
  EXPECT_NEAR(cents, static_cast<double>(cost) / 10'000, 0.00005);
}

}  // namespace

void SmartHub::Generate(const Size& size) {
  datagen::SmartHubOptions options;
  options.homes = size.homes;
  options.days = size.days;
  options.messages = size.messages;
  options.out = raw();
  auto answers = datagen::Generate(options);
  ASSERT_TRUE(answers.ok()) << answers.status();
  answers_ = *std::move(answers);
}

CommandResult SmartHub::Must(const std::vector<std::string>& arguments, const std::string& input) {
  CommandResult result = tarn_.Tarn(arguments, input);
  EXPECT_EQ(result.exit_code, 0) << absl::StrCat("tarn ", arguments[0], ": ", result.out,
                                                 result.err);
  return result;
}

std::string SmartHub::Apply(const std::string& url) {
  const std::string copy = tarn_.folder() + "/manifests";
  std::filesystem::remove_all(copy);
  std::filesystem::copy("docs/examples/smart-hub", copy);
  std::stringstream text;
  text << std::ifstream(copy + "/05-alerting.yaml").rdbuf();
  std::ofstream(copy + "/05-alerting.yaml")
      << absl::StrReplaceAll(text.str(), {{"http://127.0.0.1:8099/alerts", url}});
  return Must({"apply", "-f", copy}).out;
}

void SmartHub::ApplyNumbers() {
  Must({"apply", "-f", "-"},
       "apiVersion: tarn/v1\nkind: Stream\nmetadata: {name: numbers}\n"
       "spec: {table: databases/iot/tables/numbers}\n");
}

void SmartHub::Upload() {
  for (const char* table : {"usage_json:usage", "mappings_json:mappings", "locations_csv:locations",
                            "rates_xml:rates"}) {
    const std::vector<std::string> parts = absl::StrSplit(table, ':');
    Must({"upload", "smart_hub." + parts[0], raw() + "/smart_hub/" + parts[1]});
  }
}

void SmartHub::ExpectAnswers() {
  const datagen::SmartHubAnswers& hub = answers_.smart_hub;
  const std::vector<std::string> total =
      tarn_.Query("SELECT count(*), round(sum(cost), 4) FROM smart_hub.usage_enriched");
  ASSERT_EQ(total.size(), 1u);
  const std::vector<std::string> fields = absl::StrSplit(total[0], ',');
  ASSERT_EQ(fields.size(), 2u) << total[0];
  EXPECT_EQ(fields[0], absl::StrCat(hub.total.rows));
  ExpectCents(fields[1], hub.total.cost);
  const std::vector<std::string> days = tarn_.Query(
      "SELECT loc_id, dt, count(*), round(sum(cost), 4) FROM smart_hub.usage_enriched GROUP BY "
      "ALL ORDER BY ALL");
  size_t at = 0;
  for (const auto& [home, answers] : hub.homes) {
    for (const auto& [day, tally] : answers.by_date) {
      ASSERT_LT(at, days.size());
      const std::vector<std::string> row = absl::StrSplit(days[at++], ',');
      ASSERT_EQ(row.size(), 4u);
      EXPECT_EQ(row[0], home);
      EXPECT_EQ(row[1], day);
      EXPECT_EQ(row[2], absl::StrCat(tally.rows));
      ExpectCents(row[3], tally.cost);
    }
  }
  EXPECT_EQ(at, days.size());
}

}  // namespace tarn::e2e
