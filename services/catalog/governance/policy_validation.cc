#include "services/catalog/governance/policy_validation.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/ascii.h>

#include "common/auth/caller.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "services/catalog/governance/member.h"
#include "services/catalog/governance/policy_proto.h"

namespace tarn::catalog {
namespace {

constexpr int kMaxColumns = 1000;
constexpr size_t kMaxComment = 4096;
constexpr size_t kMaxConstant = 4096;
constexpr int kMaxKept = 100;
// As dashboard takes attributes.
constexpr size_t kMaxAttributeName = 128;
constexpr size_t kMaxAttributeValue = 256;
// More than a token can carry.
constexpr int kMaxPrincipalParts = 1000;
constexpr size_t kMaxPrincipalText = 4096;

using Violations = std::vector<FieldViolation>;

absl::Status Answer(Violations violations) {
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

void CheckComment(const std::string& field, const std::string& comment, Violations& violations) {
  if (comment.size() > kMaxComment || HasNul(comment)) {
    violations.push_back({field, "may have 4096 bytes at the most, none of them NUL"});
  }
}

void CheckTable(const std::string& field, const std::string& table, Violations& violations) {
  if (!names::Matches("databases/{database}/tables/{table}", table)) {
    violations.push_back({field, "'" + table +
                                     "' is not of the form "
                                     "databases/{database}/tables/{table}"});
  }
}

void CheckAttribute(const std::string& field, const v1::AttributeValue& attribute,
                    Violations& violations) {
  if (attribute.name().empty() || attribute.name().size() > kMaxAttributeName ||
      HasNul(attribute.name())) {
    violations.push_back({field + ".name", "is required, with 128 bytes at the most"});
  }
  if (attribute.value().size() > kMaxAttributeValue || HasNul(attribute.value())) {
    violations.push_back({field + ".value", "may have 256 bytes at the most"});
  }
}

void CheckColumns(const v1::Grant& grant, Violations& violations) {
  if (grant.columns().empty()) return;
  if (grant.resource().find("/tables/") == std::string::npos) {
    violations.push_back({"grant.columns", "are those of a table; the resource is a database"});
  }
  if (grant.level() != v1::ACCESS_LEVEL_READ) {
    violations.push_back({"grant.level", "must be ACCESS_LEVEL_READ for a grant on columns"});
  }
  if (grant.columns_size() > kMaxColumns) {
    violations.push_back({"grant.columns", "may be 1000 at the most"});
  }
  std::set<std::string> seen;
  for (const std::string& column : grant.columns()) {
    if (!seen.insert(absl::AsciiStrToLower(column)).second) {
      violations.push_back({"grant.columns", "'" + column + "' is given twice"});
    }
  }
}

void CheckGrantOption(const v1::Grant& grant, Violations& violations) {
  if (!grant.has_grant_option()) return;
  const v1::GrantOption& option = grant.grant_option();
  switch (option.bound_case()) {
    case v1::GrantOption::kDatabase: {
      const std::string& resource = grant.resource();
      if (resource != option.database() && !resource.starts_with(option.database() + "/tables/")) {
        violations.push_back(
            {"grant.grant_option.database", "must be the database of the grant's own resource"});
      }
      return;
    }
    case v1::GrantOption::kAttribute:
      CheckAttribute("grant.grant_option.attribute", option.attribute(), violations);
      return;
    case v1::GrantOption::BOUND_NOT_SET:
      violations.push_back(
          {"grant.grant_option", "needs its bound: a database, or an attribute with its value"});
  }
}

// One character of UTF-8, or none.
bool IsSign(const std::string& sign) {
  return sign.size() <= 4 && !HasNul(sign) &&
         std::count_if(sign.begin(), sign.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }) <= 1;
}

}  // namespace

absl::Status ValidatePolicy(const v1::Grant& grant) {
  Violations violations;
  if (const auto object = ParsePolicyObject(grant.resource()); !object.ok()) {
    violations.push_back({"grant.resource", "'" + grant.resource() +
                                                "' is neither databases/{database} nor "
                                                "databases/{database}/tables/{table}"});
  }
  if (grant.level() == v1::ACCESS_LEVEL_UNSPECIFIED || !v1::AccessLevel_IsValid(grant.level())) {
    violations.push_back(
        {"grant.level", "is one of ACCESS_LEVEL_READ, ACCESS_LEVEL_WRITE, ACCESS_LEVEL_MANAGE"});
  }
  CheckColumns(grant, violations);
  ValidateMembers("grant.members", grant.members(), violations);
  if (grant.has_required_attribute()) {
    CheckAttribute("grant.required_attribute", grant.required_attribute(), violations);
  }
  CheckGrantOption(grant, violations);
  CheckComment("grant.comment", grant.comment(), violations);
  return Answer(std::move(violations));
}

absl::Status ValidatePolicy(const v1::RowFilter& filter) {
  Violations violations;
  CheckTable("row_filter.table", filter.table(), violations);
  ValidateMembers("row_filter.members", filter.members(), violations);
  CheckComment("row_filter.comment", filter.comment(), violations);
  return Answer(std::move(violations));
}

absl::Status ValidatePolicy(const v1::ColumnMask& mask) {
  Violations violations;
  CheckTable("column_mask.table", mask.table(), violations);
  if (mask.column().empty()) violations.push_back({"column_mask.column", "is required"});
  ValidateMembers("column_mask.members", mask.members(), violations);
  if (mask.mask_case() == v1::ColumnMask::MASK_NOT_SET) {
    violations.push_back({"column_mask", "needs one of null, constant, hash, partial, expression"});
  }
  if (mask.constant().value().size() > kMaxConstant) {
    violations.push_back({"column_mask.constant.value", "may have 4096 bytes at the most"});
  }
  if (mask.has_partial()) {
    const v1::ColumnMask::Partial& partial = mask.partial();
    if (partial.keep_first() < 0 || partial.keep_first() > kMaxKept || partial.keep_last() < 0 ||
        partial.keep_last() > kMaxKept) {
      violations.push_back({"column_mask.partial", "keeps 0 to 100 characters at either end"});
    }
    if (!IsSign(partial.sign())) {
      violations.push_back({"column_mask.partial.sign", "is one character"});
    }
  }
  CheckComment("column_mask.comment", mask.comment(), violations);
  return Answer(std::move(violations));
}

absl::Status ValidatePrincipal(const v1::Principal& principal) {
  Violations violations;
  if (principal.user().empty()) violations.push_back({"principal.user", "is required"});
  if (principal.groups_size() > kMaxPrincipalParts ||
      principal.attributes_size() > kMaxPrincipalParts) {
    violations.push_back({"principal", "has 1000 groups and attributes at the most"});
  }
  bool fits = principal.user().size() <= kMaxPrincipalText && !HasNul(principal.user());
  for (const std::string& group : principal.groups()) {
    fits = fits && group.size() <= kMaxPrincipalText && !HasNul(group);
  }
  for (const auto& [name, value] : principal.attributes()) {
    fits = fits && value.size() <= kMaxPrincipalText && !HasNul(value);
  }
  if (!fits) violations.push_back({"principal", "has texts of 4096 bytes at the most"});
  for (const std::string& role : principal.roles()) {
    if (role != auth::kAdminRole && role != auth::kEditorRole && role != auth::kViewerRole) {
      violations.push_back({"principal.roles", "'" + role + "' is none of admin, editor, viewer"});
    }
  }
  return Answer(std::move(violations));
}

}  // namespace tarn::catalog
