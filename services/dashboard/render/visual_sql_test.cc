#include "services/dashboard/render/visual_sql.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dashboard_service.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/testing/status_matchers.h"
#include "services/dashboard/render/choices.h"

namespace tarn::dashboard {
namespace {

template <typename Proto>
Proto Parse(const std::string& text) {
  Proto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto));
  return proto;
}

class VisualSqlTest : public ::testing::Test {
 protected:
  absl::StatusOr<VisualStatement> Build(const std::string& visual) {
    absl::StatusOr<Choices> choices = ChoicesOf(dashboard_, request_);
    EXPECT_OK(choices);
    return BuildVisualStatement(Parse<v1::Visual>(visual), {dataset_, columns_}, *choices);
  }

  v1::Dataset dataset_ =
      Parse<v1::Dataset>(R"(name: "datasets/usage" table: "smart_hub.usage_enriched")");
  std::vector<QueryColumn> columns_ = {{"ts_local", "timestamp"}, {"device", "string"},
                                       {"cost", "double"},        {"kwh", "double"},
                                       {"dt", "string"},          {"we\"ird", "int"}};
  v1::Dashboard dashboard_ = Parse<v1::Dashboard>(R"(
    name: "dashboards/d"
    switches {id: "grain" options {value: "5minutes"} options {value: "hour"}
              default_value: "hour"}
    filters {id: "time" type: FILTER_TYPE_TIME_RANGE field: "ts_local"}
    filters {id: "hours" type: FILTER_TYPE_HOUR_RANGE field: "ts_local"}
    filters {id: "device" type: FILTER_TYPE_VALUES field: "DEVICE"}
    filters {id: "elsewhere" type: FILTER_TYPE_VALUES field: "not_here"})");
  v1::RenderDashboardRequest request_;
};

TEST_F(VisualSqlTest, AFigureIsOneAggregate) {
  ASSERT_OK_AND_ASSIGN(auto built, Build(R"(
    type: VISUAL_TYPE_FIGURE measures {field: "cost" aggregate: AGGREGATE_SUM label: "Cost"})"));
  EXPECT_EQ(built.statement.sql,
            "SELECT sum(d.\"cost\") AS \"Cost\"\n"
            "FROM \"smart_hub\".\"usage_enriched\" AS d\n"
            "LIMIT 5001");
}

TEST_F(VisualSqlTest, ASeriesGroupsWithTheDimension) {
  ASSERT_OK_AND_ASSIGN(auto built, Build(R"(
    type: VISUAL_TYPE_BAR dimensions {field: "ts_local" label: "Time" grain: "${grain}"}
    series {field: "device"} measures {field: "cost" aggregate: AGGREGATE_SUM} max_rows: 100)"));
  EXPECT_EQ(built.statement.sql,
            "SELECT date_trunc('hour', d.\"ts_local\") AS \"Time\", d.\"device\" AS \"device\", "
            "sum(d.\"cost\") AS \"cost\"\n"
            "FROM \"smart_hub\".\"usage_enriched\" AS d\n"
            "GROUP BY 1, 2\n"
            "ORDER BY 1 NULLS LAST, 2 NULLS LAST\n"
            "LIMIT 101");
  EXPECT_EQ(built.max_rows, 100);
}

TEST_F(VisualSqlTest, EveryGrainHasItsExpression) {
  (*request_.mutable_switches())["grain"] = "5minutes";
  ASSERT_OK_AND_ASSIGN(auto built, Build(R"(
    type: VISUAL_TYPE_TABLE
    dimensions {field: "ts_local" label: "a" grain: "${grain}"}
    dimensions {field: "ts_local" label: "b" grain: "hour_of_day"}
    dimensions {field: "ts_local" label: "c" grain: "date"}
    dimensions {field: "dt" label: "d" grain: "month"}
    measures {aggregate: AGGREGATE_COUNT}
    measures {field: "device" label: "e" aggregate: AGGREGATE_COUNT_DISTINCT}
    measures {field: "kwh" label: "f" aggregate: AGGREGATE_AVERAGE})"));
  EXPECT_THAT(
      built.statement.sql,
      ::testing::StartsWith("SELECT time_bucket(INTERVAL 5 MINUTE, d.\"ts_local\") AS \"a\", "
                            "hour(d.\"ts_local\") AS \"b\", CAST(d.\"ts_local\" AS DATE) AS \"c\", "
                            "date_trunc('month', CAST(d.\"dt\" AS TIMESTAMP)) AS \"d\", "
                            "count(*) AS \"count\", count(DISTINCT d.\"device\") AS \"e\", "
                            "avg(d.\"kwh\") AS \"f\"\n"));
}

TEST_F(VisualSqlTest, FiltersAreBoundAndThoseWithoutAFieldAreTold) {
  request_ = Parse<v1::RenderDashboardRequest>(R"(
    filters {key: "time" value {from: "2019-12-21" until: "2019-12-22T08:00:00Z"}}
    filters {key: "hours" value {from: "8" until: "22"}}
    filters {key: "device" value {values: "it's" values: "\"; DROP TABLE x"}}
    filters {key: "elsewhere" value {values: "x"}})");
  ASSERT_OK_AND_ASSIGN(auto built, Build(R"(
    type: VISUAL_TYPE_FIGURE measures {field: "cost" aggregate: AGGREGATE_MAX})"));
  EXPECT_EQ(built.statement.sql,
            "SELECT max(d.\"cost\") AS \"cost\"\n"
            "FROM \"smart_hub\".\"usage_enriched\" AS d\n"
            "WHERE d.\"ts_local\" >= CAST($p1 AS TIMESTAMP) AND "
            "d.\"ts_local\" < CAST($p2 AS TIMESTAMP) AND "
            "hour(d.\"ts_local\") >= CAST($p3 AS INTEGER) AND "
            "hour(d.\"ts_local\") < CAST($p4 AS INTEGER) AND "
            "CAST(d.\"device\" AS VARCHAR) IN ($p5, $p6)\n"
            "LIMIT 5001");
  EXPECT_EQ(built.statement.parameters.at("p1"), "2019-12-21");
  EXPECT_EQ(built.statement.parameters.at("p6"), "\"; DROP TABLE x");
  EXPECT_THAT(built.unapplied_filters, ::testing::ElementsAre("elsewhere"));
}

TEST_F(VisualSqlTest, ADefaultHoldsUntilSomethingIsChosen) {
  dashboard_.mutable_filters(2)->mutable_default_value()->add_values("fan");
  const std::string visual =
      R"(type: VISUAL_TYPE_FIGURE measures {field: "cost" aggregate: AGGREGATE_SUM})";
  ASSERT_OK_AND_ASSIGN(auto built, Build(visual));
  EXPECT_EQ(built.statement.parameters.at("p1"), "fan");
  // An empty choice means everything.
  (*request_.mutable_filters())["device"];
  ASSERT_OK_AND_ASSIGN(built, Build(visual));
  EXPECT_TRUE(built.statement.parameters.empty());
}

TEST_F(VisualSqlTest, CalculatedFieldsStandInASubquery) {
  *dataset_.mutable_sql() = "SELECT * FROM smart_hub.usage_enriched -- all of it\n;  ";
  auto* field = dataset_.add_calculated_fields();
  field->set_name("cost_dollars");
  field->set_expression("cost / 100");
  columns_.push_back({"cost_dollars", "double"});
  ASSERT_OK_AND_ASSIGN(auto built, Build(R"(
    type: VISUAL_TYPE_RING dimensions {field: "device" label: "Device"}
    measures {field: "cost_dollars" aggregate: AGGREGATE_SUM label: "Cost"} order_by: "-cost")"));
  EXPECT_EQ(built.statement.sql,
            "SELECT d.\"device\" AS \"Device\", sum(d.\"cost_dollars\") AS \"Cost\"\n"
            "FROM (SELECT s.*, (cost / 100\n) AS \"cost_dollars\" FROM "
            "(SELECT * FROM smart_hub.usage_enriched -- all of it\n) AS s) AS d\n"
            "GROUP BY 1\n"
            "ORDER BY 2 DESC NULLS LAST\n"
            "LIMIT 5001");
  EXPECT_EQ(ColumnsStatement(dataset_).sql,
            "SELECT d.* FROM (SELECT s.*, (cost / 100\n) AS \"cost_dollars\" FROM "
            "(SELECT * FROM smart_hub.usage_enriched -- all of it\n) AS s) AS d\nLIMIT 0");
}

TEST_F(VisualSqlTest, RowsAsTheyAreAreNotGrouped) {
  ASSERT_OK_AND_ASSIGN(auto built, Build(R"(
    type: VISUAL_TYPE_TABLE dimensions {field: "we\"ird"} measures {field: "cost"})"));
  EXPECT_EQ(built.statement.sql,
            "SELECT d.\"we\"\"ird\" AS \"we\"\"ird\", d.\"cost\" AS \"cost\"\n"
            "FROM \"smart_hub\".\"usage_enriched\" AS d\n"
            "ORDER BY 1 NULLS LAST\n"
            "LIMIT 5001");
}

TEST_F(VisualSqlTest, AnUnknownFieldIsNamed) {
  EXPECT_THAT(Build(R"(type: VISUAL_TYPE_FIGURE
                       measures {field: "costs" aggregate: AGGREGATE_SUM})"),
              StatusIs(absl::StatusCode::kNotFound, "FIELD_NOT_FOUND",
                       ::testing::HasSubstr("did you mean cost?")));
}

TEST_F(VisualSqlTest, OptionsOfAFilterAreItsValuesOrItsRange) {
  ResolvedDataset dataset{dataset_, columns_};
  EXPECT_EQ(BuildOptionsStatement(dashboard_.filters(2), dataset)->sql,
            "SELECT DISTINCT CAST(d.\"device\" AS VARCHAR) AS \"value\"\n"
            "FROM \"smart_hub\".\"usage_enriched\" AS d\n"
            "WHERE d.\"device\" IS NOT NULL\nORDER BY 1\nLIMIT 1000");
  EXPECT_EQ(BuildOptionsStatement(dashboard_.filters(0), dataset)->sql,
            "SELECT CAST(min(d.\"ts_local\") AS VARCHAR) AS \"from\", "
            "CAST(max(d.\"ts_local\") AS VARCHAR) AS \"until\"\n"
            "FROM \"smart_hub\".\"usage_enriched\" AS d");
  EXPECT_FALSE(BuildOptionsStatement(dashboard_.filters(1), dataset).has_value());
  EXPECT_FALSE(BuildOptionsStatement(dashboard_.filters(3), dataset).has_value());
}

TEST_F(VisualSqlTest, ChoicesThatDoNotExistAreRefused) {
  v1::RenderDashboardRequest request;
  (*request.mutable_filters())["colour"];
  EXPECT_THAT(ChoicesOf(dashboard_, request),
              StatusIs(absl::StatusCode::kInvalidArgument, "FILTER_UNKNOWN"));
  request.clear_filters();
  (*request.mutable_switches())["size"] = "x";
  EXPECT_THAT(ChoicesOf(dashboard_, request),
              StatusIs(absl::StatusCode::kInvalidArgument, "SWITCH_UNKNOWN"));
  request.clear_switches();
  (*request.mutable_switches())["grain"] = "hour'); DROP";
  EXPECT_THAT(ChoicesOf(dashboard_, request),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  request.clear_switches();
  (*request.mutable_filters())["time"].set_from("yesterday");
  (*request.mutable_filters())["hours"].set_until("25");
  EXPECT_EQ(FieldViolationsOf(ChoicesOf(dashboard_, request).status()).size(), 2u);
}

}  // namespace
}  // namespace tarn::dashboard
