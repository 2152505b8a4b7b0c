#include "services/ingestion/activity/activity_pipeline.h"

#include <random>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/ingestion/activity/record_table.h"
#include "services/ingestion/activity/testing/activity_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ActivityPipelineTest : public ActivityFixture {};

constexpr char kMessages[] =
    R"(device: string, ts: double, data: struct<temp: double, unit: string, more: struct<deep: long>>,
       count: long, hex: string)";

constexpr const char* kRows[] = {
    R"({"device":"a","ts":1594598726.5,"data":{"temp":20,"unit":"C","more":{"deep":1}},"count":1,"hex":"1f"})",
    R"({"device":"b","ts":1594598727,"data":{"temp":25.5,"unit":"F","more":{"deep":2}},"count":2,"hex":"0xFF"})",
    R"({"device":"12","ts":null,"data":null,"count":null,"hex":null})"};

std::vector<std::string> Rows() { return {std::begin(kRows), std::end(kRows)}; }

TEST_F(ActivityPipelineTest, WithoutActivitiesRowsPassAsTheyAre) {
  ASSERT_OK(Run(kMessages, Rows(), ""));
  EXPECT_EQ(outcome_.rows, 3);
  EXPECT_EQ(OutputTypes(), "device string, ts double, data struct, count long, hex string");
  EXPECT_EQ(RowsOf("device, count, __tarn_position"), R"(["a",1,0] ["b",2,1] ["12",null,2])");
}

TEST_F(ActivityPipelineTest, FilterKeepsTheRowsForWhichItsConditionIsTrue) {
  ASSERT_OK(Run(kMessages, Rows(), "filter { expression: \"count > 1\" }"));
  EXPECT_EQ(RowsOf("device, __tarn_position"), R"(["b",1])");
  EXPECT_EQ(outcome_.dropped, 2);
  EXPECT_THAT(outcome_.refused, IsEmpty());
}

TEST_F(ActivityPipelineTest, SelectRemoveRenameAndAddShapeTheColumns) {
  ASSERT_OK(Run(kMessages, Rows(), "select { columns: ['COUNT', 'device'] }"));
  EXPECT_EQ(OutputTypes(), "count long, device string");
  ASSERT_OK(Run(kMessages, Rows(), "remove { columns: ['data', 'ts', 'hex'] }"));
  EXPECT_EQ(OutputTypes(), "device string, count long");
  // All at once: names may be swapped.
  ASSERT_OK(Run(kMessages, Rows(),
                R"(select { columns: ['device', 'hex'] }
                   --- rename { columns { key: 'device' value: 'hex' }
                                columns { key: 'hex' value: 'device' } })"));
  EXPECT_EQ(OutputTypes(), "hex string, device string");
  EXPECT_EQ(RowsOf("hex, device"), R"(["a","1f"] ["b","0xFF"] ["12",null])");
  ASSERT_OK(Run(kMessages, Rows(),
                R"(add { columns { column: 'temp' from: 'data.temp' }
                         columns { column: 'deep' from: 'data.more.deep' }
                         columns { column: 'site' value { string_value: "it's" } }
                         columns { column: 'factor' value { number_value: 0.1 } }
                         columns { column: 'live' value { bool_value: true } } }
                   --- select { columns: ['temp', 'deep', 'site', 'factor', 'live'] })"));
  EXPECT_EQ(OutputTypes(), "temp double, deep long, site string, factor double, live boolean");
  EXPECT_EQ(RowsOf("*"),
            R"([20,1,"it's",0.1,true] [25.5,2,"it's",0.1,true] [null,null,"it's",0.1,true])");
}

TEST_F(ActivityPipelineTest, ComputeAddsOrReplacesAColumn) {
  ASSERT_OK(Run(kMessages, Rows(),
                R"(compute { column: 'temp' expression: 'round(data.temp * 1.8 + 32, 1)' }
                   --- compute { column: 'count' expression: "count || '!'" }
                   --- compute { column: 'one' expression: '1' }
                   --- select { columns: ['temp', 'count', 'one'] })"));
  EXPECT_EQ(OutputTypes(), "temp double, count string, one int");
  EXPECT_EQ(RowsOf("*"), R"([68,"1!",1] [77.9,"2!",1] [null,null,1])");
}

TEST_F(ActivityPipelineTest, ConvertKnowsTimesHexadecimalAndUnits) {
  ASSERT_OK(Run(kMessages, Rows(),
                R"(convert { column: 'ts' from: 'epoch_seconds' to: 'timestamp' }
                   --- convert { column: 'hex' into: 'number' from: 'hex' to: 'decimal' }
                   --- add { columns { column: 'c' from: 'data.temp' } }
                   --- convert { column: 'c' into: 'f' from: 'celsius' to: 'fahrenheit' }
                   --- convert { column: 'f' into: 'back' from: 'fahrenheit' to: 'celsius' }
                   --- convert { column: 'count' into: 'meters' from: 'kilometer' to: 'meter' }
                   --- select { columns: ['ts', 'number', 'f', 'back', 'meters'] })"));
  EXPECT_EQ(OutputTypes(), "ts timestamptz, number long, f double, back double, meters double");
  EXPECT_EQ(
      RowsOf("*"),
      R"(["2020-07-13T00:05:26.5Z",31,68,20,1000] ["2020-07-13T00:05:27Z",255,77.9,25.500000000000004,2000] [null,null,null,null,null])");
  ASSERT_OK(Run("ms: long", {R"({"ms":1594598726539})"},
                "convert { column: 'ms' from: 'epoch_milliseconds' to: 'timestamp' }"));
  EXPECT_EQ(RowsOf("*"), R"(["2020-07-13T00:05:26.539Z"])");
}

TEST_F(ActivityPipelineTest, ConvertRefusesWhatItCannotHold) {
  ASSERT_OK(Run("t: double, h: string, n: long",
                {R"({"t":1e300,"h":"1","n":1})", R"({"t":1,"h":"xyz","n":1})",
                 R"({"t":1,"h":"ffffffffffffffff","n":1})", R"({"t":1,"h":"-1f","n":1})",
                 R"({"t":-62135596801,"h":"1","n":1})",
                 R"({"t":1,"h":"7fffffffffffffff","n":9223372036854775807})",
                 R"({"t":1,"h":"000000000000000000001","n":2})"},
                R"(convert { column: 't' from: 'epoch_seconds' to: 'timestamp' }
                   --- convert { column: 'h' from: 'hex' to: 'decimal' }
                   --- convert { column: 'n' from: 'epoch_milliseconds' to: 'timestamp' })"));
  ASSERT_EQ(Refusals(), "0/0 1/1 2/1 3/1 4/0 5/2");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("0001 to 9999"));
  EXPECT_THAT(outcome_.refused[1].message, HasSubstr("hexadecimal"));
  EXPECT_EQ(RowsOf("h"), "[1]");
}

TEST_F(ActivityPipelineTest, FlattenPutsFieldsInTheStructsPlace) {
  ASSERT_OK(Run(kMessages, Rows(), "flatten { columns: 'data' } --- remove { columns: 'ts' }"));
  EXPECT_EQ(OutputTypes(),
            "device string, temp double, unit string, more struct, count long, hex string");
  ASSERT_OK(Run(kMessages, Rows(),
                "flatten { columns: 'data' prefix: 'd_' recursive: true } --- remove { columns: "
                "['ts', 'hex'] }"));
  EXPECT_EQ(OutputTypes(),
            "device string, d_temp double, d_unit string, d_more_deep long, count long");
  EXPECT_EQ(RowsOf("d_temp, d_unit, d_more_deep"), R"([20,"C",1] [25.5,"F",2] [null,null,null])");
}

TEST_F(ActivityPipelineTest, ARowThatFailsIsRefusedWithTheEnginesWordsAndTheOthersGoOn) {
  ASSERT_OK(Run(kMessages, Rows(),
                R"(name: 'number' compute { column: 'n' expression: 'device::BIGINT' }
                   --- filter { expression: 'n > 0' })"));
  EXPECT_EQ(RowsOf("device, n"), R"(["12",12])");
  ASSERT_EQ(Refusals(), "0/0 1/0");
  EXPECT_EQ(outcome_.dropped, 0);
  EXPECT_EQ(outcome_.refused[0].reason, "ACTIVITY_FAILED");
  EXPECT_EQ(outcome_.refused[0].label, "number (activity 1, compute)");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("Could not convert string 'a' to INT64"));
  EXPECT_THAT(outcome_.refused[1].message, HasSubstr("'b'"));
}

TEST_F(ActivityPipelineTest, AFailureCountsEvenWhereItsValueIsNotUsed) {
  // The column is removed; and the row would be filtered out afterwards.
  ASSERT_OK(Run(kMessages, Rows(),
                R"(compute { column: 'n' expression: 'device::BIGINT' }
                   --- remove { columns: 'n' }
                   --- filter { expression: "device <> 'a'" })"));
  EXPECT_EQ(Refusals(), "0/0 1/0");
  EXPECT_EQ(RowsOf("device"), R"(["12"])");
}

TEST_F(ActivityPipelineTest, ARowThatIsFilteredOutDoesNotFailAfterwards) {
  ASSERT_OK(Run(kMessages, Rows(),
                R"(filter { expression: "device = '12'" }
                   --- compute { column: 'n' expression: 'device::BIGINT' }
                   --- filter { expression: 'sqrt(n - 20) >= 0' })"));
  ASSERT_EQ(Refusals(), "2/2");
  EXPECT_THAT(outcome_.refused[0].message, HasSubstr("square root"));
  EXPECT_EQ(outcome_.dropped, 2);
}

TEST_F(ActivityPipelineTest, ManyFailuresAreAllRefused) {
  std::vector<std::string> rows;
  for (int i = 0; i < 5000; ++i) {
    rows.push_back(absl::StrCat("{\"s\":\"", i % 3 == 0 ? "x" : "", i, "\"}"));
  }
  ASSERT_OK(Run("s: string", rows, "compute { column: 'n' expression: 's::BIGINT' }"));
  EXPECT_EQ(outcome_.refused.size(), 1667u);
  EXPECT_EQ(outcome_.rows, 3333);
  for (const RefusedRow& refused : outcome_.refused) {
    EXPECT_EQ(refused.position % 3, 0);
    EXPECT_THAT(refused.message, HasSubstr("Could not convert string"));
  }
}

TEST_F(ActivityPipelineTest, MistakesAreNamedByTheirPath) {
  ExpectMistake("filter { expression: 'coutn > 1' }", "[0].filter.expression",
                "did you mean count?");
  ExpectMistake("filter { expression: 'count + 1' }", "[0].filter.expression", "true or false");
  ExpectMistake("filter { expression: 'count >' }", "[0].filter.expression", "syntax error");
  ExpectMistake("filter { expression: 'random() > 1' }", "[0].filter.expression", "random");
  ExpectMistake("filter { expression: 'count > (SELECT 1)' }", "[0].filter.expression", "subquery");
  ExpectMistake("select { columns: 'devise' }", "[0].select.columns[0]", "did you mean device?");
  ExpectMistake("select { columns: ['device', 'Device'] }", "[0].select.columns[1]", "twice");
  ExpectMistake("select { }", "[0].select.columns", "at least one");
  ExpectMistake("remove { columns: ['device', 'ts', 'data', 'count', 'hex'] }",
                "[0].remove.columns", "no column would be left");
  ExpectMistake("rename { columns { key: 'device' value: 'ts' } }",
                "[0].rename.columns[\"device\"]", "two columns");
  ExpectMistake("rename { columns { key: 'device' value: '_ingested_at' } }",
                "[0].rename.columns[\"device\"]", "reserved");
  ExpectMistake("add { columns { column: 'device' from: 'ts' } }", "[0].add.columns[0].column",
                "already");
  ExpectMistake("add { columns { column: 'x' from: 'data.tmp' } }", "[0].add.columns[0].from",
                "did you mean temp?");
  ExpectMistake("add { columns { column: 'x' } }", "[0].add.columns[0]", "from");
  ExpectMistake("compute { column: '' expression: '1' }", "[0].compute.column", "name");
  ExpectMistake("compute { column: '__TARN_x' expression: '1' }", "[0].compute.column", "reserved");
  ExpectMistake("compute { column: 'x' expression: 'INTERVAL 1 DAY' }", "[0].compute.expression",
                "cast it");
  ExpectMistake("convert { column: 'device' from: 'celsius' to: 'kelvin' }", "[0].convert.column",
                "no number");
  ExpectMistake("convert { column: 'ts' from: 'celsius' to: 'meter' }", "[0].convert.to",
                "temperature");
  ExpectMistake("convert { column: 'ts' from: 'celcius' to: 'kelvin' }", "[0].convert.from",
                "did you mean celsius?");
  ExpectMistake("convert { column: 'ts' from: 'hex' to: 'decimal' }", "[0].convert.column",
                "no text");
  ExpectMistake("flatten { columns: 'device' }", "[0].flatten.columns[0]", "no struct");
  ExpectMistake("compute { column: 'temp' expression: '1' } --- flatten { columns: 'data' }",
                "[1].flatten.columns", "give a prefix");
  ExpectMistake("remove { columns: 'count' } --- filter { expression: 'count > 1' }",
                "[1].filter.expression", "no column count");
  ExpectMistake("", "[0]", "one kind");
  ExpectMistake("deduplicate { key: 'device' window { seconds: 0 } }", "[0].deduplicate.window",
                "1s");
  ExpectMistake("deduplicate { key: 'device' } --- deduplicate { key: 'device' }",
                "[1].deduplicate", "only one");
  ExpectMistake("call { address: 'localhost:1' }", "[0].call.address", "cannot be called here");
  std::string many;
  for (int i = 0; i < 26; ++i)
    absl::StrAppend(&many, i == 0 ? "" : " --- ", "remove { columns: 'x' }");
  ExpectMistake(many, "", "at most 25");
}

TEST_F(ActivityPipelineTest, RecordsWithReservedFieldsAndWithoutColumnsAreRefused) {
  EXPECT_THAT(Compile("__tarn_position: long", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Compile("__tarn_state: long", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Compile("", "filter { expression: 'true' }"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ActivityPipelineTest, OddNamesAndTextMeanThemselves) {
  ASSERT_OK(Run("we\"ird: string, Größe: long", {R"({"we\"ird":"a'b\\","Größe":3})"},
                R"(compute { column: 'x"; DROP' expression: '"we""ird" || \'\'\'\' ' }
                   --- filter { expression: '"größe" = 3' })"));
  EXPECT_EQ(RowsOf("\"x\"\"; DROP\""), R"(["a'b\\'"])");
}

TEST_F(ActivityPipelineTest, IngestTimeCanBeUsedAndStaysWhatItIs) {
  ASSERT_OK(Run(kMessages, Rows(),
                R"(compute { column: 'day' expression: '_ingested_at::DATE' }
                   --- select { columns: 'day' })"));
  EXPECT_EQ(RowsOf("day, epoch(_ingested_at)::BIGINT"),
            R"(["2026-01-01",1767225600] ["2026-01-01",1767225600] ["2026-01-01",1767225600])");
}

TEST_F(ActivityPipelineTest, AnInterruptedBatchIsAnErrorOfTheBatch) {
  environment_.time_limit = absl::ZeroDuration();
  // A batch that is through before its interrupt comes is not refused: then once more.
  absl::Status status;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (status.ok() && absl::Now() < deadline) {
    status = Run(kMessages, Rows(), "filter { expression: 'true' }");
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded, "ACTIVITIES_TIMED_OUT"));
}

// Chains of activities drawn at random, over rows drawn at random, some of which fail.
TEST_F(ActivityPipelineTest, FoldedIsTheSameAsOneByOne) {
  const std::vector<std::string> kinds = {
      "filter { expression: 'a % 3 <> 1' }",
      "filter { expression: 's::BIGINT > 10' }",
      "filter { expression: 'sqrt(a - 5) < 9' }",
      "compute { column: 'a' expression: 'a + 1' }",
      "compute { column: 'b' expression: 's::BIGINT * 2' }",
      "compute { column: 'c' expression: '1000 // (a % 7)' }",
      "compute { column: 's' expression: \"CASE WHEN a % 2 = 0 THEN s ELSE s || 'x' END\" }",
      "compute { column: 'd' expression: 'CASE WHEN a > 20 THEN ln(a - 30) END' }",
      "compute { column: 'a' expression: 'a * 1000000000000000' }",
      "convert { column: 't' from: 'epoch_seconds' to: 'timestamp' } --- add { columns { column: "
      "'u' from: 't' } } --- remove { columns: 't' } --- compute { column: 't' expression: "
      "'1.0::DOUBLE' } "
      "--- remove { columns: 'u' }",
      "compute { column: 'gone' expression: 's::BIGINT' } --- remove { columns: 'gone' }",
      "add { columns { column: 'x' from: 'n.k' } } --- filter { expression: 'x IS NULL OR x < 40' "
      "} "
      "--- remove { columns: 'x' }",
      "rename { columns { key: 'a' value: 'b9' } } --- rename { columns { key: 'b9' value: 'a' } }",
  };
  for (unsigned seed = 0; seed < 24; ++seed) {
    std::mt19937 random(seed);
    std::string activities;
    for (unsigned i = 0; i < 1 + seed % 8; ++i) {
      absl::StrAppend(&activities, activities.empty() ? "" : " --- ",
                      kinds[random() % kinds.size()]);
    }
    std::vector<std::string> rows;
    for (int i = 0; i < 60; ++i) {
      rows.push_back(absl::StrCat(
          "{\"a\":", random() % 10 == 0 ? "null" : absl::StrCat(random() % 50), ",\"s\":\"",
          random() % 5 == 0 ? "q" : "", random() % 40,
          "\",\"t\":", random() % 8 == 0 ? "1e18" : absl::StrCat(random() % 1000), ",\"n\":",
          random() % 4 == 0 ? "null" : absl::StrCat("{\"k\":", random() % 60, "}"), "}"));
    }
    const std::string columns = "a: long, s: string, t: double, n: struct<k: long>";
    ASSERT_OK(Run(columns, rows, activities)) << activities;
    const std::string folded = RowsOf("*, __tarn_position");
    const std::string refused = Refusals();
    const std::vector<std::string> messages = Messages();
    const int64_t dropped = outcome_.dropped;
    ASSERT_OK(RunUnfolded(columns, rows, activities)) << activities;
    EXPECT_EQ(folded, RowsOf("*, __tarn_position")) << activities;
    EXPECT_EQ(refused, Refusals()) << activities;
    EXPECT_EQ(messages, Messages()) << activities;
    EXPECT_EQ(dropped, outcome_.dropped) << activities;
    EXPECT_EQ(outcome_.rows + outcome_.dropped + static_cast<int64_t>(outcome_.refused.size()), 60);
    // And in two batches instead of one.
    const std::vector<std::string> first(rows.begin(), rows.begin() + 23);
    const std::vector<std::string> second(rows.begin() + 23, rows.end());
    ASSERT_OK(Run(columns, first, activities));
    std::string parts = RowsOf("*, __tarn_position");
    std::string refused_parts = Refusals();
    ASSERT_OK(Run(columns, second, activities, 23));
    const auto join = [](const std::string& a, const std::string& b) {
      return a.empty() || b.empty() ? a + b : a + " " + b;
    };
    EXPECT_EQ(folded, join(parts, RowsOf("*, __tarn_position"))) << activities;
    EXPECT_EQ(refused, join(refused_parts, Refusals())) << activities;
  }
}

}  // namespace
}  // namespace tarn::ingestion
