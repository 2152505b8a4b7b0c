#include "services/catalog/governance/policy_validation.h"

#include <functional>

#include <gtest/gtest.h>

#include "common/proto_json/proto_json.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

// The fields that are refused of a message written as JSON.
template <typename P>
std::string Refused(const std::string& json) {
  P policy;
  EXPECT_OK(proto_json::FromJson(json, &policy));
  std::string fields;
  for (const FieldViolation& violation : FieldViolationsOf(ValidatePolicy(policy))) {
    fields += violation.field + " ";
  }
  return fields;
}

constexpr char kTable[] = R"("table": "databases/d/tables/t", "members": ["everyone"])";

TEST(PolicyValidationTest, AGrantHasAResourceALevelAndMembers) {
  EXPECT_EQ(Refused<v1::Grant>(R"({"resource": "databases/d", "level": "ACCESS_LEVEL_WRITE",
                                  "members": ["group:a"]})"),
            "");
  EXPECT_EQ(Refused<v1::Grant>("{}"), "grant.resource grant.level grant.members ");
  EXPECT_EQ(Refused<v1::Grant>(R"({"resource": "streams/s", "level": "ACCESS_LEVEL_READ",
                                  "members": ["everyone"]})"),
            "grant.resource ");
}

TEST(PolicyValidationTest, ColumnsAreGrantedOfATableForReading) {
  EXPECT_EQ(Refused<v1::Grant>(R"({"resource": "databases/d/tables/t", "columns": ["a", "b"],
                                  "level": "ACCESS_LEVEL_READ", "members": ["everyone"]})"),
            "");
  EXPECT_EQ(Refused<v1::Grant>(R"({"resource": "databases/d", "columns": ["a", "A"],
                                  "level": "ACCESS_LEVEL_WRITE", "members": ["everyone"]})"),
            "grant.columns grant.level grant.columns ");
}

TEST(PolicyValidationTest, AGrantOptionIsBounded) {
  const auto refused = [](const std::string& option) {
    return Refused<v1::Grant>(R"({"resource": "databases/d/tables/t", "level": "ACCESS_LEVEL_READ",
                                "members": ["everyone"], "grantOption": )" +
                              option + "}");
  };
  EXPECT_EQ(refused(R"({"database": "databases/d"})"), "");
  EXPECT_EQ(refused(R"({"attribute": {"name": "region", "value": "emea"}})"), "");
  EXPECT_EQ(refused("{}"), "grant.grant_option ");
  EXPECT_EQ(refused(R"({"database": "databases/dd"})"), "grant.grant_option.database ");
  EXPECT_EQ(refused(R"({"attribute": {"value": "emea"}})"), "grant.grant_option.attribute.name ");
}

TEST(PolicyValidationTest, AMaskIsOneOfItsKinds) {
  const auto refused = [](const std::string& mask) {
    return Refused<v1::ColumnMask>("{" + std::string(kTable) + R"(, "column": "c")" + mask + "}");
  };
  EXPECT_EQ(refused(R"(, "null": {})"), "");
  EXPECT_EQ(refused(R"(, "hash": {})"), "");
  EXPECT_EQ(refused(R"(, "partial": {"keepFirst": 2, "sign": "…"})"), "");
  EXPECT_EQ(refused(""), "column_mask ");
  EXPECT_EQ(refused(R"(, "partial": {"keepLast": 101, "sign": "ab"})"),
            "column_mask.partial column_mask.partial.sign ");
  EXPECT_EQ(refused(R"(, "constant": {"value": ")" + std::string(5000, 'x') + "\"}"),
            "column_mask.constant.value ");
  EXPECT_EQ(Refused<v1::ColumnMask>("{}"),
            "column_mask.table column_mask.column column_mask.members column_mask ");
}

TEST(PolicyValidationTest, AFilterIsOfATable) {
  EXPECT_EQ(Refused<v1::RowFilter>("{" + std::string(kTable) + "}"), "");
  EXPECT_EQ(Refused<v1::RowFilter>(R"({"table": "databases/d", "members": ["everyone"]})"),
            "row_filter.table ");
}

TEST(PolicyValidationTest, APrincipalHasTheRolesOfUsers) {
  v1::Principal principal;
  EXPECT_FALSE(ValidatePrincipal(principal).ok());
  principal.set_user("ada");
  principal.add_roles("viewer");
  EXPECT_OK(ValidatePrincipal(principal));
  principal.add_roles("service");
  EXPECT_THAT(ValidatePrincipal(principal),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

}  // namespace
}  // namespace tarn::catalog
