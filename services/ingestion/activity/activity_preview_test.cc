#include "services/ingestion/activity/activity_preview.h"

#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/ingestion/activity/testing/activity_fixture.h"

namespace tarn::ingestion {
namespace {

using ::testing::HasSubstr;

class NoRelations : public RelationSource {
 public:
  absl::StatusOr<table_schema::Fields> DescribeTable(const std::string&, const std::string&,
                                                     const std::string&,
                                                     const std::vector<std::string>&) override {
    return NotFound("TABLE_NOT_FOUND", "there is none");
  }
  absl::StatusOr<RelationRows> ReadTable(const std::string&, const std::string&, const std::string&,
                                         const std::vector<std::string>&) override {
    return NotFound("TABLE_NOT_FOUND", "there is none");
  }
  absl::StatusOr<DeviceSnapshotPtr> Devices(const std::string&) override {
    return std::make_shared<const DeviceSnapshot>();
  }
};

class ActivityPreviewTest : public ::testing::Test {
 protected:
  absl::StatusOr<v1::PreviewActivitiesResponse> Preview(const std::string& activities,
                                                        const std::string& columns,
                                                        const std::vector<std::string>& records) {
    std::vector<ArrivedRecord> arrived;
    for (const std::string& record : records) arrived.push_back({0, clock_.Now(), record});
    return preview_.Run(ParseActivities(activities), ParseFields(columns), arrived,
                        {"default", "", "me", "activities"});
  }

  FakeClock clock_;
  NoRelations relations_;
  FunctionCaller functions_{{}, clock_};
  ActivityPreview preview_{relations_, functions_, clock_};
};

TEST_F(ActivityPreviewTest, ShowsRowsRefusalsAndColumns) {
  ASSERT_OK_AND_ASSIGN(
      const v1::PreviewActivitiesResponse response,
      Preview(
          "flatten { columns: 'data' } --- compute { column: 'n' expression: 'unit::BIGINT' } --- "
          "filter { expression: 'temp < 100' } --- deduplicate { key: 'temp' }",
          "",
          {R"({"data":{"temp":1,"unit":"12"}})", R"({"data":{"temp":2.5,"unit":"C"}})", "{nonsense",
           R"({"data":{"temp":true,"unit":"1"}})", R"({"data":{"temp":1000,"unit":"1"}})",
           R"({"data":{"temp":1,"unit":"13"}})"}));
  ASSERT_EQ(response.rows_size(), 1);
  EXPECT_EQ(response.rows(0).index(), 0);
  EXPECT_EQ(response.rows(0).row(), R"({"temp":1,"unit":"12","n":12})");
  EXPECT_EQ(response.dropped_count(), 2);
  ASSERT_EQ(response.refused_size(), 3);
  EXPECT_EQ(response.refused(0).index(), 1);
  EXPECT_EQ(response.refused(0).reason(), "ACTIVITY_FAILED");
  EXPECT_EQ(response.refused(0).activity_index(), 1);
  EXPECT_THAT(response.refused(0).message(), HasSubstr("'C'"));
  EXPECT_EQ(response.refused(1).reason(), "INVALID_JSON");
  EXPECT_FALSE(response.refused(1).has_activity_index());
  EXPECT_EQ(response.refused(2).reason(), "TYPE_MISMATCH");
  EXPECT_EQ(response.columns_size(), 3);
  EXPECT_EQ(response.columns(2).name(), "n");
  EXPECT_EQ(response.columns(2).type(), "long");
  EXPECT_EQ(response.input_columns(0).type(), "struct");
}

TEST_F(ActivityPreviewTest, TakesTheColumnsThatAreGiven) {
  ASSERT_OK_AND_ASSIGN(const v1::PreviewActivitiesResponse response,
                       Preview("select { columns: 'a' }", "a: string, b: long",
                               {R"({"a":"x"})", R"({"a":1})", R"({"a":"x","c":1})"}));
  EXPECT_EQ(response.rows_size(), 1);
  EXPECT_EQ(response.refused(0).reason(), "TYPE_MISMATCH");
  EXPECT_EQ(response.refused(1).reason(), "UNKNOWN_FIELD");
}

TEST_F(ActivityPreviewTest, MistakesAndNothingToPreviewAreToldApart) {
  EXPECT_THAT(Preview("select { columns: 'x' }", "", {R"({"a":1})"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Preview("select { columns: 'x' }", "", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "NO_RECORDS"));
  EXPECT_THAT(Preview("select { columns: 'x' }", "a: binary", {R"({"a":1})"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

}  // namespace
}  // namespace tarn::ingestion
