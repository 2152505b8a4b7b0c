#include "services/dashboard/resources/dashboard_validation.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/dashboard/resources/dataset_validation.h"

namespace tarn::dashboard {
namespace {

using ::testing::ElementsAre;

template <typename Proto>
Proto Parse(const std::string& text) {
  Proto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return proto;
}

std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  return fields;
}

// The bad fields of a dashboard with one good visual and `rest`.
std::vector<std::string> Check(const std::string& rest) {
  return Fields(ValidateDashboard(Parse<v1::Dashboard>(
      R"(title: "T" visuals {id: "a" title: "A" type: VISUAL_TYPE_FIGURE dataset: "datasets/d"
         measures {field: "x" aggregate: AGGREGATE_SUM}} )" +
      rest)));
}

std::string Visual(const std::string& rest) {
  return R"(visuals {id: "b" title: "B" dataset: "datasets/d" )" + rest + "}";
}

TEST(DashboardValidationTest, AGoodDashboardPasses) {
  EXPECT_THAT(Check(R"(
    switches {id: "grain" label: "G" options {value: "hour" label: "H"} default_value: "hour"}
    filters {id: "t" label: "T" type: FILTER_TYPE_TIME_RANGE field: "ts"
             default_value {from: "2019-12-21"}}
    filters {id: "h" label: "H" type: FILTER_TYPE_HOUR_RANGE field: "ts"
             presets {label: "day" value {from: "8" until: "22"}}})" +
                    Visual(R"(type: VISUAL_TYPE_BAR dimensions {field: "ts" grain: "${grain}"}
                              measures {field: "x" aggregate: AGGREGATE_SUM label: "Cost"}
                              order_by: "-Cost")")),
              ElementsAre());
}

TEST(DashboardValidationTest, ShapesAreHeldTo) {
  const std::string measure = R"( measures {field: "x" aggregate: AGGREGATE_SUM})";
  EXPECT_THAT(Check(Visual("type: VISUAL_TYPE_HEAT_MAP dimensions {field: \"y\"}" + measure)),
              ElementsAre("dashboard.visuals[1]"));
  EXPECT_THAT(Check(Visual("type: VISUAL_TYPE_FIGURE dimensions {field: \"y\"}" + measure)),
              ElementsAre("dashboard.visuals[1]"));
  EXPECT_THAT(Check(Visual("type: VISUAL_TYPE_MAP dimensions {field: \"y\"}" + measure)),
              ElementsAre("dashboard.visuals[1]"));
  EXPECT_THAT(Check(Visual("type: VISUAL_TYPE_COMBO dimensions {field: \"y\"}" + measure)),
              ElementsAre("dashboard.visuals[1]"));
  EXPECT_THAT(Check(Visual("type: VISUAL_TYPE_RING dimensions {field: \"y\"} series {field: "
                           "\"z\"}" +
                           measure)),
              ElementsAre("dashboard.visuals[1].series"));
  EXPECT_THAT(Check(Visual("type: VISUAL_TYPE_FIGURE measures {field: \"x\"}")),
              ElementsAre("dashboard.visuals[1].measures"));
  EXPECT_THAT(Check(Visual(measure)), ElementsAre("dashboard.visuals[1].type"));
}

TEST(DashboardValidationTest, EveryBadFieldHasItsPath) {
  EXPECT_THAT(
      Check(R"(visuals {id: "a" title: "A" type: VISUAL_TYPE_TABLE dataset: "usage"
        dimensions {field: "y" grain: "fortnight"} dimensions {field: "Y"}
        order_by: "-z" max_rows: 20000 layout {x: 8 width: 6} thresholds {from: 1 level: "odd"}})"),
      ElementsAre("dashboard.visuals[1].id", "dashboard.visuals[1].dataset",
                  "dashboard.visuals[1].dimensions[0].grain", "dashboard.visuals[1]",
                  "dashboard.visuals[1].order_by[0]", "dashboard.visuals[1].layout.width",
                  "dashboard.visuals[1].thresholds[0].level", "dashboard.visuals[1].max_rows"));
  EXPECT_THAT(Check(R"(filters {id: "t" label: "T" type: FILTER_TYPE_TIME_RANGE field: "ts"
                               default_value {from: "soon" values: "x"}}
                       filters {id: "t" type: FILTER_TYPE_VALUES dataset: "x"}
                       switches {id: "s" label: "S" default_value: "y"})"),
              ElementsAre("dashboard.switches[0].options", "dashboard.switches[0].default_value",
                          "dashboard.filters[0].default_value.from",
                          "dashboard.filters[0].default_value.values", "dashboard.filters[1].id",
                          "dashboard.filters[1].label", "dashboard.filters[1].field",
                          "dashboard.filters[1].dataset"));
  EXPECT_THAT(Fields(ValidateDashboard({})), ElementsAre("dashboard.title", "dashboard.visuals"));
}

TEST(DashboardValidationTest, AGrainMayNameASwitchOfGrainsAlone) {
  const std::string table = Visual(R"(type: VISUAL_TYPE_TABLE
                                      dimensions {field: "ts" grain: "${s}"})");
  EXPECT_THAT(Check(table), ElementsAre("dashboard.visuals[1].dimensions[0].grain"));
  EXPECT_THAT(Check(table + R"(switches {id: "s" label: "S" options {value: "hour" label: "H"}})"),
              ElementsAre());
  EXPECT_THAT(Check(table + R"(switches {id: "s" label: "S" options {value: "big" label: "B"}})"),
              ElementsAre("dashboard.visuals[1].dimensions[0].grain"));
}

TEST(DatasetValidationTest, ASourceAndGoodFieldsAreNeeded) {
  EXPECT_OK(ValidateDataset(Parse<v1::Dataset>(R"(table: "smart_hub.usage")")));
  EXPECT_OK(ValidateDataset(Parse<v1::Dataset>(R"(sql: "SELECT 1")")));
  EXPECT_THAT(Fields(ValidateDataset({})), ElementsAre("dataset"));
  EXPECT_THAT(Fields(ValidateDataset(Parse<v1::Dataset>(R"(table: "usage")"))),
              ElementsAre("dataset.table"));
  EXPECT_THAT(Fields(ValidateDataset(Parse<v1::Dataset>(
                  R"(sql: " " calculated_fields {name: "a" expression: "1"}
                     calculated_fields {name: "A" expression: ""})"))),
              ElementsAre("dataset.sql", "dataset.calculated_fields[1].name",
                          "dataset.calculated_fields[1].expression"));
}

}  // namespace
}  // namespace tarn::dashboard
