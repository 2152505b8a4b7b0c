#include "services/alerting/evaluation/result_table.h"

#include "common/testing/status_matchers.h"

namespace tarn::alerting {
namespace {

using ::testing::ElementsAre;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ResultTableTest, LabelsAreAllColumnsButTheValues) {
  ResultTable table{.columns = {{"a", "string"}, {"v", "double"}, {"b", "long"}}};
  EXPECT_THAT(LabelColumns(table, "v", {}), IsOkAndHolds(ElementsAre("a", "b")));
  EXPECT_THAT(LabelColumns(table, "v", {"b"}), IsOkAndHolds(ElementsAre("b")));
  EXPECT_THAT(LabelColumns(table, "x", {}), StatusIs(kInvalid, "COLUMN_NOT_FOUND"));
  EXPECT_THAT(LabelColumns(table, "v", {"x"}), StatusIs(kInvalid, "COLUMN_NOT_FOUND"));
  table.columns.push_back({"a", "string"});
  EXPECT_THAT(LabelColumns(table, "v", {}), StatusIs(kInvalid, "DUPLICATE_COLUMN"));
}

TEST(ResultTableTest, ReadsNumbersOfEveryForm) {
  ResultTable table{.columns = {{"a", "string"}, {"v", "decimal(10,2)"}},
                    .rows = {R"(["x", "1.25"])", R"(["y", 2])", R"(["z", null])", R"([null, 3])",
                             R"(["n", "NaN"])"}};
  ASSERT_OK_AND_ASSIGN(auto rows, ObservationsOf(table, "v", {"a"}));
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].value, 1.25);
  EXPECT_EQ(rows[1].value, 2);
  EXPECT_EQ(rows[2].value, std::nullopt);
  EXPECT_EQ(rows[3].labels.at("a"), "");
  EXPECT_EQ(rows[4].value, std::nullopt);
}

TEST(ResultTableTest, RefusesAValueThatIsNoNumber) {
  ResultTable table{.columns = {{"v", "string"}}, .rows = {R"(["12"])"}};
  EXPECT_THAT(ObservationsOf(table, "v", {}), StatusIs(kInvalid, "VALUE_NOT_NUMERIC"));
  table = {.columns = {{"v", "boolean"}}, .rows = {"[true]"}};
  EXPECT_THAT(ObservationsOf(table, "v", {}), StatusIs(kInvalid, "VALUE_NOT_NUMERIC"));
}

TEST(ResultTableTest, RefusesRowsThatLabelsDoNotTellApart) {
  ResultTable table{.columns = {{"a", "string"}, {"v", "double"}},
                    .rows = {R"(["x", 1])", R"(["x", 2])"}};
  EXPECT_THAT(ObservationsOf(table, "v", {"a"}), StatusIs(kInvalid, "DUPLICATE_LABELS"));
  EXPECT_THAT(ObservationsOf(table, "v", {}), StatusIs(kInvalid, "DUPLICATE_LABELS"));
}

TEST(ResultTableTest, ARowThatIsNotOfTheColumnsIsAFault) {
  ResultTable table{.columns = {{"v", "double"}}, .rows = {"[1, 2]"}};
  EXPECT_THAT(ObservationsOf(table, "v", {}),
              StatusIs(absl::StatusCode::kInternal, "MALFORMED_RESULT"));
}

}  // namespace
}  // namespace tarn::alerting
