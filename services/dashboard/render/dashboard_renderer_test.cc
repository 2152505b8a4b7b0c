#include "services/dashboard/render/dashboard_renderer.h"

#include <mutex>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dashboard_service.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/clock/fake_clock.h"
#include "common/rpc/call_context.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/dashboard/render/json_rows.h"

namespace tarn::dashboard {
namespace {

using ::testing::HasSubstr;

// Answers by what a statement contains, and keeps what was asked.
class FakeRunner : public QueryRunner {
 public:
  absl::StatusOr<QueryRows> Run(const rpc::CallContext&, const SqlStatement& statement,
                                const std::string& source) override {
    std::lock_guard lock(mutex_);
    statements_.push_back(statement.sql);
    sources_.push_back(source);
    if (statement.sql.find("broken") != std::string::npos) {
      return InvalidArgument("SQL_ERROR", "no such table");
    }
    QueryRows rows;
    rows.query = "queries/q" + std::to_string(statements_.size());
    if (statement.sql.find("LIMIT 0") != std::string::npos) {
      rows.columns = {{"device", "string"}, {"cost", "decimal(10,4)"}, {"ts", "timestamp"}};
      return rows;
    }
    std::string json;
    if (statement.sql.find("DISTINCT") != std::string::npos) {
      json = "[\"ac\"]\n[\"fan\"]\n";
    } else if (statement.sql.find("min(") != std::string::npos) {
      json = "[\"2019-12-21 00:00:00\",\"2019-12-27 23:55:00\"]\n";
    } else if (statement.sql.find("device") != std::string::npos) {
      json = "[\"ac\",\"1.5000\"]\n[\"fan\",2]\n[null,null]\n";
    } else {
      json = "[\"12.3456\"]\n";
    }
    EXPECT_OK(AppendJsonRows(json, rows.rows));
    rows.columns.resize(static_cast<size_t>(rows.rows[0].values_size()), {"x", "decimal(10,4)"});
    return rows;
  }

  std::vector<std::string> statements() {
    std::lock_guard lock(mutex_);
    return statements_;
  }
  std::vector<std::string> sources() {
    std::lock_guard lock(mutex_);
    return sources_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> statements_;
  std::vector<std::string> sources_;
};

class DashboardRendererTest : public ::testing::Test {
 protected:
  DashboardRendererTest() {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
      name: "dashboards/d"
      filters {id: "device" type: FILTER_TYPE_VALUES field: "device"}
      filters {id: "time" type: FILTER_TYPE_TIME_RANGE field: "ts" dataset: "datasets/usage"}
      filters {id: "hours" type: FILTER_TYPE_HOUR_RANGE field: "ts"}
      visuals {id: "total" type: VISUAL_TYPE_FIGURE dataset: "datasets/usage"
               measures {field: "cost" aggregate: AGGREGATE_SUM label: "Cost"}}
      visuals {id: "again" type: VISUAL_TYPE_FIGURE dataset: "datasets/usage"
               measures {field: "cost" aggregate: AGGREGATE_SUM label: "Cost"}}
      visuals {id: "wrong" type: VISUAL_TYPE_FIGURE dataset: "datasets/usage"
               measures {field: "colour" aggregate: AGGREGATE_SUM}}
      visuals {id: "broken" type: VISUAL_TYPE_FIGURE dataset: "datasets/broken"
               measures {field: "cost" aggregate: AGGREGATE_SUM}}
      visuals {id: "ring" type: VISUAL_TYPE_RING dataset: "datasets/usage" max_rows: 2
               dimensions {field: "device" label: "Device"}
               measures {field: "cost" aggregate: AGGREGATE_SUM label: "Cost"}})",
                                                              &dashboard_));
    datasets_["datasets/usage"].set_name("datasets/usage");
    datasets_["datasets/usage"].set_table("a.b");
    datasets_["datasets/broken"].set_name("datasets/broken");
    datasets_["datasets/broken"].set_table("a.broken");
    call_.caller = {.workspace = "default", .user = "ada"};
  }

  FakeRunner runner_;
  FakeClock clock_;
  DashboardRenderer renderer_{runner_, clock_, 4};
  v1::Dashboard dashboard_;
  DatasetsByName datasets_;
  rpc::CallContext call_;
  v1::RenderDashboardRequest request_;
};

TEST_F(DashboardRendererTest, EachVisualHasItsRowsOrItsError) {
  ASSERT_OK_AND_ASSIGN(auto response, renderer_.Render(call_, request_, dashboard_, datasets_));
  ASSERT_EQ(response.visuals_size(), 5);
  EXPECT_EQ(response.visuals(0).rows(0).values(0).number_value(), 12.3456);
  EXPECT_EQ(response.visuals(0).columns(0).label(), "Cost");
  EXPECT_EQ(response.visuals(0).columns(0).role(), "measure");
  EXPECT_THAT(response.visuals(0).query(), HasSubstr("queries/"));
  EXPECT_EQ(response.visuals(2).error().reason(), "FIELD_NOT_FOUND");
  EXPECT_EQ(response.visuals(3).error().reason(), "SQL_ERROR");
  EXPECT_EQ(response.visuals(3).error().code(), 3);
  const v1::VisualResult& ring = response.visuals(4);
  EXPECT_TRUE(ring.truncated());
  ASSERT_EQ(ring.rows_size(), 2);
  EXPECT_EQ(ring.rows(0).values(0).string_value(), "ac");
  EXPECT_EQ(ring.rows(0).values(1).number_value(), 1.5);
  EXPECT_EQ(ring.columns(0).role(), "dimension");
}

TEST_F(DashboardRendererTest, TheSameStatementRunsOnceForAllWhoAskIt) {
  ASSERT_OK_AND_ASSIGN(auto response, renderer_.Render(call_, request_, dashboard_, datasets_));
  EXPECT_EQ(response.visuals(0).query(), response.visuals(1).query());
  // Two data sets' columns, total, ring, and two filters' options.
  EXPECT_EQ(runner_.statements().size(), 6u);
  EXPECT_THAT(runner_.sources(), ::testing::Contains("dashboards/d/total"));
}

TEST_F(DashboardRendererTest, FiltersComeWithTheirOptions) {
  ASSERT_OK_AND_ASSIGN(auto response, renderer_.Render(call_, request_, dashboard_, datasets_));
  ASSERT_EQ(response.filter_options_size(), 3);
  EXPECT_THAT(response.filter_options(0).values(), ::testing::ElementsAre("ac", "fan"));
  EXPECT_EQ(response.filter_options(1).range().from(), "2019-12-21 00:00:00");
  EXPECT_EQ(response.filter_options(2).range().until(), "24");
}

TEST_F(DashboardRendererTest, OnlyTheVisualsAskedForAreComputed) {
  request_.add_visual_ids("ring");
  ASSERT_OK_AND_ASSIGN(auto response, renderer_.Render(call_, request_, dashboard_, datasets_));
  ASSERT_EQ(response.visuals_size(), 1);
  EXPECT_EQ(response.visuals(0).visual_id(), "ring");
  request_.add_visual_ids("nothing");
  EXPECT_THAT(renderer_.Render(call_, request_, dashboard_, datasets_),
              StatusIs(absl::StatusCode::kInvalidArgument, "VISUAL_UNKNOWN"));
}

TEST_F(DashboardRendererTest, ColumnsAreRememberedForAWhileForTheSameUser) {
  request_.add_visual_ids("total");
  dashboard_.clear_filters();
  auto render = [&] { return renderer_.Render(call_, request_, dashboard_, datasets_).status(); };
  ASSERT_OK(render());
  ASSERT_OK(render());
  EXPECT_EQ(runner_.statements().size(), 3u);
  call_.caller.user = "bob";
  ASSERT_OK(render());
  EXPECT_EQ(runner_.statements().size(), 5u);
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK(render());
  EXPECT_EQ(runner_.statements().size(), 7u);
}

TEST_F(DashboardRendererTest, OptionsAreRememberedForAWhileForTheSameUserWhateverIsChosen) {
  request_.add_visual_ids("ring");
  const auto asked = [&] {
    const std::vector<std::string> sources = runner_.sources();
    return std::count(sources.begin(), sources.end(), "dashboards/d/device");
  };
  const auto options = [&] {
    auto response = renderer_.Render(call_, request_, dashboard_, datasets_);
    EXPECT_OK(response);
    return response.ok() ? response->filter_options(0) : v1::FilterOptions();
  };
  EXPECT_THAT(options().values(), ::testing::ElementsAre("ac", "fan"));
  (*request_.mutable_filters())["device"].add_values("ac");
  EXPECT_THAT(options().values(), ::testing::ElementsAre("ac", "fan"));
  EXPECT_EQ(asked(), 1);
  call_.caller.user = "bob";
  options();
  EXPECT_EQ(asked(), 2);
  clock_.Advance(absl::Minutes(1));
  options();
  EXPECT_EQ(asked(), 3);
}

TEST(JsonRowsTest, ValuesKeepTheirKinds) {
  std::vector<google::protobuf::ListValue> rows;
  ASSERT_OK(AppendJsonRows("[1,\"a\\nb\",null,true,[1],{\"k\":2.5}]\n", rows));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].values(0).number_value(), 1);
  EXPECT_EQ(rows[0].values(1).string_value(), "a\nb");
  EXPECT_TRUE(rows[0].values(2).has_null_value());
  EXPECT_TRUE(rows[0].values(3).bool_value());
  EXPECT_EQ(rows[0].values(4).list_value().values_size(), 1);
  EXPECT_EQ(rows[0].values(5).struct_value().fields().at("k").number_value(), 2.5);
  EXPECT_THAT(AppendJsonRows("{\n", rows), StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace tarn::dashboard
