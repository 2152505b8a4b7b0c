#include <google/protobuf/field_mask.pb.h>
#include <gtest/gtest.h>

#include "tarn/dashboard/v1/dashboard.pb.h"
#include "tarn/dashboard/v1/dashboard_service.pb.h"
#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/auth/caller.h"
#include "common/clock/fake_clock.h"
#include "common/postgres/testing/test_database.h"
#include "common/testing/status_matchers.h"
#include "services/dashboard/migrations.h"
#include "services/dashboard/resources/resource_kinds.h"
#include "services/dashboard/resources/resource_manager.h"

namespace tarn::dashboard {
namespace {

class ResourceManagerPgTest : public ::testing::Test {
 protected:
  static v1::Dataset NewDataset(const std::string& id) {
    v1::Dataset dataset;
    dataset.set_name("datasets/" + id);
    dataset.set_table("smart_hub.usage");
    return dataset;
  }
  static v1::Dashboard NewDashboard(const std::string& dataset) {
    v1::Dashboard dashboard;
    dashboard.set_name("dashboards/home");
    dashboard.set_title("Home");
    v1::Visual* visual = dashboard.add_visuals();
    visual->set_id("total");
    visual->set_title("Total");
    visual->set_type(v1::VISUAL_TYPE_FIGURE);
    visual->set_dataset(dataset);
    visual->add_measures()->set_field("cost");
    visual->mutable_measures(0)->set_aggregate(v1::AGGREGATE_SUM);
    return dashboard;
  }
  ChangeRequest Change(std::string_view method, const google::protobuf::Message& request,
                       std::string_view request_id = "") {
    return {ada_, method, request_id, request};
  }

  TestDatabase db_{
      [](PostgresPool& pool) { return ApplyMigrations(pool, "dashboard", Migrations()); }};
  FakeClock clock_;
  DatasetManager datasets_{db_.pool(), clock_, DatasetKind()};
  DashboardManager dashboards_{db_.pool(), clock_, DashboardKind()};
  auth::Caller ada_{.workspace = "default", .user = "ada"};
  google::protobuf::FieldMask all_;
};

TEST_F(ResourceManagerPgTest, WhatIsMadeIsFoundInItsWorkspaceAlone) {
  v1::Dataset dataset = NewDataset("usage");
  ASSERT_OK_AND_ASSIGN(v1::Dataset made, datasets_.Create(Change("C", dataset), dataset));
  EXPECT_EQ(made.owner(), "ada");
  EXPECT_FALSE(made.etag().empty());
  ASSERT_OK_AND_ASSIGN(v1::Dataset found, datasets_.Get("default", "datasets/usage"));
  EXPECT_EQ(found.SerializeAsString(), made.SerializeAsString());
  EXPECT_THAT(datasets_.Get("other", "datasets/usage"),
              StatusIs(absl::StatusCode::kNotFound, "DATASET_NOT_FOUND"));
  EXPECT_THAT(datasets_.Create(Change("C", dataset), dataset),
              StatusIs(absl::StatusCode::kAlreadyExists, "DATASET_EXISTS"));
}

TEST_F(ResourceManagerPgTest, ARepeatedRequestGetsTheFirstAnswer) {
  v1::Dataset dataset = NewDataset("usage");
  ASSERT_OK_AND_ASSIGN(auto first, datasets_.Create(Change("C", dataset, "r1"), dataset));
  clock_.Advance(absl::Seconds(5));
  ASSERT_OK_AND_ASSIGN(auto second, datasets_.Create(Change("C", dataset, "r1"), dataset));
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
}

TEST_F(ResourceManagerPgTest, AnUpdateThatChangesNothingKeepsEtagAndTime) {
  v1::Dataset dataset = NewDataset("usage");
  ASSERT_OK_AND_ASSIGN(auto made, datasets_.Create(Change("C", dataset), dataset));
  clock_.Advance(absl::Seconds(5));
  ASSERT_OK_AND_ASSIGN(auto same, datasets_.Update(Change("U", dataset), dataset, all_));
  EXPECT_EQ(same.SerializeAsString(), made.SerializeAsString());
  dataset.set_description("changed");
  ASSERT_OK_AND_ASSIGN(auto changed, datasets_.Update(Change("U", dataset), dataset, all_));
  EXPECT_NE(changed.etag(), made.etag());
  dataset.set_etag(made.etag());
  EXPECT_THAT(datasets_.Update(Change("U", dataset), dataset, all_),
              StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
}

TEST_F(ResourceManagerPgTest, AMaskChangesItsFieldsAlone) {
  v1::Dataset dataset = NewDataset("usage");
  ASSERT_OK(datasets_.Create(Change("C", dataset), dataset));
  v1::Dataset change;
  change.set_name("datasets/usage");
  change.set_description("new");
  google::protobuf::FieldMask mask;
  mask.add_paths("description");
  ASSERT_OK_AND_ASSIGN(auto changed, datasets_.Update(Change("U", change), change, mask));
  EXPECT_EQ(changed.description(), "new");
  EXPECT_EQ(changed.table(), "smart_hub.usage");
  mask.add_paths("owner");
  EXPECT_THAT(datasets_.Update(Change("U", change), change, mask),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(ResourceManagerPgTest, ADashboardNeedsItsDataSetsAndKeepsThem) {
  v1::Dashboard dashboard = NewDashboard("datasets/usage");
  EXPECT_THAT(dashboards_.Create(Change("C", dashboard), dashboard),
              StatusIs(absl::StatusCode::kNotFound, "DATASET_NOT_FOUND",
                       ::testing::HasSubstr("dashboard.visuals[0].dataset")));
  EXPECT_THAT(dashboards_.Get("default", "dashboards/home"),
              StatusIs(absl::StatusCode::kNotFound, "DASHBOARD_NOT_FOUND"));
  v1::Dataset dataset = NewDataset("usage");
  ASSERT_OK(datasets_.Create(Change("C", dataset), dataset));
  ASSERT_OK(dashboards_.Create(Change("C", dashboard), dashboard));
  EXPECT_THAT(datasets_.Delete(Change("D", dataset), "datasets/usage", ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, "DATASET_IN_USE",
                       ::testing::HasSubstr("dashboards/home")));
  ASSERT_OK(dashboards_.Delete(Change("D", dashboard), "dashboards/home", ""));
  EXPECT_OK(datasets_.Delete(Change("D", dataset), "datasets/usage", ""));
}

TEST_F(ResourceManagerPgTest, ListsGoByIdInPages) {
  for (const char* id : {"c", "a", "b"}) {
    v1::Dataset dataset = NewDataset(id);
    ASSERT_OK(datasets_.Create(Change("C", dataset), dataset));
  }
  ASSERT_OK_AND_ASSIGN(auto page, datasets_.List("default", "a", 1));
  ASSERT_EQ(page.size(), 1u);
  EXPECT_EQ(page[0].name(), "datasets/b");
}

}  // namespace
}  // namespace tarn::dashboard
