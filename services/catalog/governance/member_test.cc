#include "services/catalog/governance/member.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

auth::Caller Principal(std::vector<std::string> roles) {
  return {.workspace = "default",
          .user = "ada@example.com",
          .groups = {"sales"},
          .roles = std::move(roles),
          .attributes = {}};
}

std::string Match(const std::vector<std::string>& members, const auth::Caller& principal) {
  return MatchingMember(Members(members.begin(), members.end()), principal).value_or("");
}

TEST(MemberTest, UsersGroupsAndEveryoneMatch) {
  const auth::Caller ada = Principal({"viewer"});
  EXPECT_EQ(Match({"user:bob", "user:ada@example.com"}, ada), "user:ada@example.com");
  EXPECT_EQ(Match({"group:hr", "group:sales"}, ada), "group:sales");
  EXPECT_EQ(Match({"everyone"}, ada), "everyone");
  EXPECT_EQ(Match({"user:sales", "group:ada@example.com", "group:sale"}, ada), "");
}

TEST(MemberTest, RolesIncludeEachOther) {
  EXPECT_EQ(Match({"role:viewer"}, Principal({"editor"})), "role:viewer");
  EXPECT_EQ(Match({"role:viewer"}, Principal({"admin"})), "role:viewer");
  EXPECT_EQ(Match({"role:editor"}, Principal({"admin"})), "role:editor");
  EXPECT_EQ(Match({"role:editor"}, Principal({"viewer"})), "");
  EXPECT_EQ(Match({"role:viewer"}, Principal({})), "");
}

TEST(MemberTest, AServiceIsNoMember) {
  EXPECT_EQ(Match({"everyone", "role:viewer", "group:sales"}, Principal({"service"})), "");
}

TEST(MemberTest, WhatIsNoMemberIsNamed) {
  const auto violations = [](const std::vector<std::string>& members) {
    std::vector<FieldViolation> found;
    ValidateMembers("grant.members", Members(members.begin(), members.end()), found);
    std::string fields;
    for (const FieldViolation& violation : found) fields += violation.field + " ";
    return fields;
  };
  EXPECT_EQ(violations({"user:a", "group:b+c@d.e", "role:admin", "everyone"}), "");
  EXPECT_EQ(violations({}), "grant.members ");
  EXPECT_EQ(violations(std::vector<std::string>(101, "everyone")), "grant.members ");
  EXPECT_EQ(violations({"ada", "user:", "role:service", "user:a b", "Everyone"}),
            "grant.members[0] grant.members[1] grant.members[2] grant.members[3] "
            "grant.members[4] ");
  EXPECT_EQ(violations({"user:a", "user:a"}), "grant.members[1] ");
}

}  // namespace
}  // namespace tarn::catalog
