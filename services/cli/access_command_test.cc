// access, and manifests of grants and policies, against a server.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tarn/catalog/v1/governance_service.pb.h"
#include "tarn/dashboard/v1/auth_service.pb.h"

#include "services/cli/testing/command_test.h"

namespace tarn::cli {
namespace {

using catalog::v1::EffectiveAccess;
using catalog::v1::GetEffectiveAccessRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AccessCommandTest : public CommandTest {
 protected:
  AccessCommandTest() {
    tarn_.On<GetEffectiveAccessRequest, EffectiveAccess>(
        "/tarn.catalog.v1.GovernanceService/GetEffectiveAccess",
        [this](const auto& requests, auto* responses) {
          asked_ = requests[0];
          responses->push_back(answer_);
          return absl::OkStatus();
        });
    tarn_.On<dashboard::v1::ListKeysRequest, dashboard::v1::ListKeysResponse>(
        "/tarn.dashboard.v1.AuthService/ListKeys", [this](const auto&, auto* responses) {
          responses->push_back(keys_);
          return absl::OkStatus();
        });
    answer_.set_table("databases/d/tables/t");
    answer_.mutable_principal()->set_user("ada");
  }

  dashboard::v1::Key* AddKey(const std::string& user, const std::string& group, int64_t made) {
    dashboard::v1::Key* key = keys_.add_keys();
    key->set_user(user);
    key->add_groups(group);
    key->add_roles("viewer");
    (*key->mutable_attributes())["region"] = group;
    key->mutable_create_time()->set_seconds(made);
    return key;
  }

  EffectiveAccess answer_;
  GetEffectiveAccessRequest asked_;
  dashboard::v1::ListKeysResponse keys_;
};

TEST_F(AccessCommandTest, ShowsLevelRowsColumnsAndWhy) {
  answer_.set_level(catalog::v1::ACCESS_LEVEL_READ);
  catalog::v1::AccessReason* reason = answer_.add_level_reasons();
  reason->set_resource("grants/g");
  reason->set_member("group:sales");
  reason->set_message("grants READ");
  answer_.set_rows(catalog::v1::ROW_VISIBILITY_FILTERED);
  answer_.set_row_predicate("(id = 1)");
  answer_.add_row_reasons()->set_message("rows for which the filter holds");
  catalog::v1::PolicySource* source = answer_.add_sources();
  source->set_table("databases/ent/tables/rights");
  source->set_owner("tom");
  source->set_row_filter("rowFilters/f");
  catalog::v1::ColumnAccess* column = answer_.add_columns();
  column->set_column("id");
  column->set_visibility(catalog::v1::COLUMN_VISIBILITY_PLAIN);
  column = answer_.add_columns();
  column->set_column("name");
  column->set_visibility(catalog::v1::COLUMN_VISIBILITY_MASKED);
  column = answer_.add_columns();
  column->set_column("age");
  column->set_visibility(catalog::v1::COLUMN_VISIBILITY_HIDDEN);
  column->add_reasons()->set_message("no grant names the column");
  EXPECT_EQ(Run({"access", "d.t"}).out,
            "ada on d.t: READ\n"
            "  grants/g: grants READ (group:sales)\n"
            "rows: where (id = 1)\n"
            "  rows for which the filter holds\n"
            "  reads ent.rights with the rights of tom (rowFilters/f)\n"
            "COLUMN  SEEN    WHY\n"
            "id      plain\n"
            "name    masked\n"
            "age     hidden  no grant names the column\n");
  EXPECT_EQ(asked_.table(), "databases/d/tables/t");
  EXPECT_FALSE(asked_.has_principal());
  EXPECT_THAT(Run({"access", "d.t", "-o", "json"}).out, HasSubstr("\"rowPredicate\""));
}

TEST_F(AccessCommandTest, AUserIsWhatItsLiveKeysSay) {
  AddKey("ada", "new", 20);
  AddKey("ada", "old", 10);
  AddKey("bob", "other", 30);
  AddKey("ada", "revoked", 40)->mutable_revoke_time()->set_seconds(50);
  AddKey("ada", "ended", 40)->mutable_expire_time()->set_seconds(50);
  EXPECT_EQ(Run({"access", "d.t", "--as", "ada", "--group", "more"}).code, 0);
  EXPECT_EQ(asked_.principal().user(), "ada");
  EXPECT_THAT(asked_.principal().groups(), ElementsAre("old", "new", "more"));
  EXPECT_THAT(asked_.principal().roles(), ElementsAre("viewer"));
  EXPECT_EQ(asked_.principal().attributes().at("region"), "new");
}

TEST_F(AccessCommandTest, SomebodyWithoutAKeyIsDescribed) {
  EXPECT_THAT(Run({"access", "d.t", "--as", "cy"}).err, HasSubstr("the user cy has no key"));
  EXPECT_EQ(Run({"access", "d.t", "--as", "cy", "--role", "viewer", "--attribute", "a=b"}).code, 0);
  EXPECT_EQ(asked_.principal().attributes().at("a"), "b");
  EXPECT_EQ(tarn_.CallsOf("/tarn.dashboard.v1.AuthService/ListKeys"), 1);
  EXPECT_EQ(Run({"access", "d.t", "--role", "viewer"}).code, 2);
  EXPECT_THAT(Run({"access", "t"}).err, HasSubstr("DATABASE.TABLE"));
}

TEST_F(AccessCommandTest, GrantsAndPoliciesAreManifests) {
  dir_.WriteFile("policies.yaml",
                 "apiVersion: tarn/v1\nkind: Grant\nmetadata: {name: sales}\n"
                 "spec: {resource: databases/d, level: ACCESS_LEVEL_READ, "
                 "members: ['group:sales']}\n"
                 "---\n"
                 "apiVersion: tarn/v1\nkind: RowFilter\nmetadata: {name: regions}\n"
                 "spec: {table: databases/d/tables/t, members: [everyone], "
                 "expression: \"region = current_attribute('region')\"}\n"
                 "---\n"
                 "apiVersion: tarn/v1\nkind: ColumnMask\nmetadata: {name: names}\n"
                 "spec: {table: databases/d/tables/t, column: name, members: [everyone], "
                 "partial: {keepFirst: 1}}\n");
  const std::string path = (dir_.path() / "policies.yaml").string();
  EXPECT_EQ(Run({"apply", "-f", path}).code, 0);
  const CommandResult again = Run({"apply", "-f", path});
  EXPECT_THAT(again.out, HasSubstr("unchanged"));
  EXPECT_THAT(again.out, Not(HasSubstr("updated")));
  EXPECT_THAT(Run({"get", "column-mask", "names", "-o", "yaml"}).out, HasSubstr("keepFirst: 1"));
  EXPECT_THAT(Run({"get", "row-filters"}).out, HasSubstr("d.t"));
  EXPECT_EQ(Run({"delete", "grant", "sales"}).code, 0);
  EXPECT_EQ(tarn_.Find("grants/sales"), nullptr);
  dir_.WriteFile("bad.yaml",
                 "apiVersion: tarn/v1\nkind: Grant\nmetadata: {name: g}\n"
                 "spec: {resource: databases/d, members: [everyone]}\n");
  EXPECT_THAT(Run({"apply", "-f", (dir_.path() / "bad.yaml").string()}).err,
              HasSubstr("spec.level"));
}

}  // namespace
}  // namespace tarn::cli
