#include "services/catalog/governance/access_resolver.h"

#include <algorithm>
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/names/names.h"
#include "common/status/status_macros.h"
#include "services/catalog/governance/mask_sql.h"
#include "services/catalog/governance/member.h"

namespace tarn::catalog {
namespace {

using Reasons = google::protobuf::RepeatedPtrField<v1::AccessReason>;

void AddReason(Reasons* reasons, const std::string& resource, const std::string& member,
               const std::string& message) {
  if (reasons == nullptr) return;
  v1::AccessReason* reason = reasons->Add();
  reason->set_resource(resource);
  reason->set_member(member);
  reason->set_message(message);
}

std::string LevelName(v1::AccessLevel level) {
  switch (level) {
    case v1::ACCESS_LEVEL_READ:
      return "READ";
    case v1::ACCESS_LEVEL_WRITE:
      return "WRITE";
    case v1::ACCESS_LEVEL_MANAGE:
      return "MANAGE";
    default:
      return "nothing";
  }
}

// The level that the role alone allows, for want of grants and as their limit.
v1::AccessLevel RoleLevel(const auth::Caller& principal) {
  if (IsEditor(principal)) return v1::ACCESS_LEVEL_MANAGE;
  return IsViewer(principal) ? v1::ACCESS_LEVEL_READ : v1::ACCESS_LEVEL_UNSPECIFIED;
}

// By role or ownership alone.
bool ManagesByItself(const GovernedObject& object, const auth::Caller& principal,
                     Reasons* reasons) {
  if (principal.IsService()) {
    AddReason(reasons, "", "", "services of Tarn are let through");
  } else if (principal.IsAdmin()) {
    AddReason(reasons, "", "role:admin", "administrators manage every table");
  } else if (!object.table_owner.empty() && principal.user == object.table_owner) {
    AddReason(reasons, "", "user:" + principal.user, "owns the table");
  } else if (principal.user == object.database_owner && !principal.user.empty()) {
    AddReason(reasons, "", "user:" + principal.user,
              "owns the database " + object.table.id.database);
  } else {
    return false;
  }
  return true;
}

// Whether the policy is to blame, and not the engine or the server.
bool IsOfThePolicy(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status);
}

std::string Detail(const absl::Status& status, bool show) {
  return show ? absl::StrCat(": ", status.message()) : "";
}

void HidePolicies(v1::EffectiveAccess* access) {
  access->clear_row_predicate();
  access->clear_sources();
  for (v1::ColumnAccess& column : *access->mutable_columns()) column.clear_expression();
}

// The mask of each column that counts, by the column's name in lower case.
using MasksInForce = std::map<std::string, std::pair<const v1::ColumnMask*, std::string>>;

MasksInForce FindMasks(const GovernedObject& object, const auth::Caller& principal) {
  MasksInForce masks;
  for (const v1::ColumnMask& mask : object.column_masks) {
    const std::optional<std::string> member = MatchingMember(mask.members(), principal);
    if (!member) continue;
    auto& [in_force, by] = masks[absl::AsciiStrToLower(mask.column())];
    if (in_force == nullptr || mask.priority() > in_force->priority()) {
      in_force = &mask;
      by = *member;
    }
  }
  return masks;
}

// What a principal reads by grants: whether all columns, else which, in lower case.
struct GrantedColumns {
  bool all = false;
  std::map<std::string, const v1::Grant*> some;
};

GrantedColumns FindColumns(const GovernedObject& object, const auth::Caller& principal) {
  GrantedColumns columns;
  columns.all = !object.governed || ManagesByItself(object, principal, nullptr);
  for (const v1::Grant& grant : object.grants) {
    if (!GrantApplies(grant, principal)) continue;
    if (grant.columns().empty()) columns.all = true;
    for (const std::string& column : grant.columns()) {
      columns.some.emplace(absl::AsciiStrToLower(column), &grant);
    }
  }
  return columns;
}

absl::Status ResolveRows(const GovernedObject& object, const auth::Caller& principal,
                         const PolicyEvaluator& evaluator, bool show_policies,
                         v1::EffectiveAccess* access) {
  Reasons* reasons = access->mutable_row_reasons();
  access->set_rows(v1::ROW_VISIBILITY_NONE);
  access->set_row_predicate("false");
  if (access->level() == v1::ACCESS_LEVEL_UNSPECIFIED) {
    AddReason(reasons, "", "", "the table cannot be read");
    return absl::OkStatus();
  }
  if (object.row_filters.empty() || principal.IsService()) {
    access->set_rows(v1::ROW_VISIBILITY_ALL);
    access->clear_row_predicate();
    AddReason(reasons, "", "",
              object.row_filters.empty() ? "the table has no row filter"
                                         : "services of Tarn are let through");
    return absl::OkStatus();
  }
  std::string predicate;
  bool broken = false;
  for (const v1::RowFilter& filter : object.row_filters) {
    const std::optional<std::string> member = MatchingMember(filter.members(), principal);
    if (!member) continue;
    const absl::StatusOr<CompiledExpression> compiled = evaluator.filter(filter);
    if (!compiled.ok()) {
      if (!IsOfThePolicy(compiled.status())) return compiled.status();
      broken = true;
      AddReason(reasons, filter.name(), *member,
                "no row is shown, since the filter does not fit its tables any more" +
                    Detail(compiled.status(), show_policies));
      continue;
    }
    AddReason(reasons, filter.name(), *member, "rows for which the filter holds");
    absl::StrAppend(&predicate, predicate.empty() ? "" : " AND ", "coalesce(", compiled->sql,
                    ", false)");
    for (const names::TableId& source : compiled->sources) {
      v1::PolicySource* out = access->add_sources();
      out->set_table(names::Table(source));
      out->set_owner(filter.owner());
      out->set_row_filter(filter.name());
    }
  }
  if (broken) {
    access->clear_sources();
  } else if (predicate.empty()) {
    AddReason(reasons, "", "",
              absl::StrCat("the table has ", object.row_filters.size(),
                           " row filter(s), and none applies to ", principal.user));
  } else {
    access->set_rows(v1::ROW_VISIBILITY_FILTERED);
    access->set_row_predicate(predicate);
  }
  return absl::OkStatus();
}

absl::Status ResolveMask(const v1::ColumnMask& mask, const std::string& member,
                         const PolicyColumn& column, const PolicyEvaluator& evaluator,
                         bool show_policies, v1::ColumnAccess* out) {
  out->set_visibility(v1::COLUMN_VISIBILITY_MASKED);
  out->set_mask(mask.name());
  const absl::StatusOr<std::string> sql = evaluator.mask(mask);
  if (sql.ok()) {
    out->set_expression(*sql);
    AddReason(out->mutable_reasons(), mask.name(), member,
              absl::StrCat("mask ", std::string(MaskName(mask)), ", priority ", mask.priority()));
    return absl::OkStatus();
  }
  if (!IsOfThePolicy(sql.status())) return sql.status();
  out->set_expression(absl::StrCat("CAST(NULL AS ", column.type.ToSqlString(), ")"));
  AddReason(
      out->mutable_reasons(), mask.name(), member,
      "NULL, since the mask does not fit the table any more" + Detail(sql.status(), show_policies));
  return absl::OkStatus();
}

absl::Status ResolveColumns(const GovernedObject& object, const auth::Caller& principal,
                            const PolicyEvaluator& evaluator, bool show_policies,
                            v1::EffectiveAccess* access) {
  const GrantedColumns granted = FindColumns(object, principal);
  const MasksInForce masks = FindMasks(object, principal);
  for (const PolicyColumn& column : object.table.columns) {
    v1::ColumnAccess* out = access->add_columns();
    out->set_column(column.name);
    out->set_visibility(v1::COLUMN_VISIBILITY_HIDDEN);
    const std::string key = absl::AsciiStrToLower(column.name);
    if (access->level() == v1::ACCESS_LEVEL_UNSPECIFIED) {
      AddReason(out->mutable_reasons(), "", "", "the table cannot be read");
      continue;
    }
    if (!granted.all) {
      const auto grant = granted.some.find(key);
      if (grant == granted.some.end()) {
        AddReason(out->mutable_reasons(), "", "", "no grant names the column");
        continue;
      }
      AddReason(out->mutable_reasons(), grant->second->name(),
                *MatchingMember(grant->second->members(), principal), "grants the column");
    }
    const auto mask = masks.find(key);
    if (mask == masks.end()) {
      out->set_visibility(v1::COLUMN_VISIBILITY_PLAIN);
      continue;
    }
    TARN_RETURN_IF_ERROR(ResolveMask(*mask->second.first, mask->second.second, column, evaluator,
                                     show_policies, out));
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<std::string> GrantApplies(const v1::Grant& grant, const auth::Caller& principal) {
  if (grant.has_required_attribute()) {
    const auto found = principal.attributes.find(grant.required_attribute().name());
    if (found == principal.attributes.end() ||
        found->second != grant.required_attribute().value()) {
      return std::nullopt;
    }
  }
  return MatchingMember(grant.members(), principal);
}

v1::AccessLevel ResolveLevel(const GovernedObject& object, const auth::Caller& principal,
                             Reasons* reasons) {
  if (ManagesByItself(object, principal, reasons)) return v1::ACCESS_LEVEL_MANAGE;
  const v1::AccessLevel limit = RoleLevel(principal);
  if (limit == v1::ACCESS_LEVEL_UNSPECIFIED) {
    AddReason(reasons, "", "", "has none of the roles viewer, editor, admin");
    return limit;
  }
  if (!object.governed) {
    AddReason(reasons, "", IsEditor(principal) ? "role:editor" : "role:viewer",
              absl::StrCat("the database ", object.table.id.database,
                           " has no grants; the role decides"));
    return limit;
  }
  v1::AccessLevel level = v1::ACCESS_LEVEL_UNSPECIFIED;
  for (const v1::Grant& grant : object.grants) {
    const std::optional<std::string> member = GrantApplies(grant, principal);
    if (!member) continue;
    level = std::max(level, grant.level());
    AddReason(reasons, grant.name(), *member,
              absl::StrCat("grants ", LevelName(grant.level()), " on ", grant.resource(),
                           grant.columns().empty() ? "" : ", some columns"));
  }
  if (level == v1::ACCESS_LEVEL_UNSPECIFIED) {
    AddReason(reasons, "", "",
              absl::StrCat("the database ", object.table.id.database,
                           " is opened by grants, and none applies to ", principal.user));
  }
  if (level > limit) {
    AddReason(reasons, "", "role:viewer",
              "viewers read only, whatever they are granted; the role editor is needed for more");
  }
  return std::min(level, limit);
}

absl::StatusOr<v1::EffectiveAccess> ResolveAccess(const GovernedObject& object,
                                                  const auth::Caller& principal,
                                                  const PolicyEvaluator& evaluator,
                                                  bool show_policies) {
  v1::EffectiveAccess access;
  access.set_table(names::Table(object.table.id));
  access.mutable_principal()->set_user(principal.user);
  access.mutable_principal()->mutable_groups()->Assign(principal.groups.begin(),
                                                       principal.groups.end());
  access.mutable_principal()->mutable_roles()->Assign(principal.roles.begin(),
                                                      principal.roles.end());
  access.mutable_principal()->mutable_attributes()->insert(principal.attributes.begin(),
                                                           principal.attributes.end());
  access.set_governed(object.governed);
  access.set_level(ResolveLevel(object, principal, access.mutable_level_reasons()));
  TARN_RETURN_IF_ERROR(ResolveRows(object, principal, evaluator, show_policies, &access));
  TARN_RETURN_IF_ERROR(ResolveColumns(object, principal, evaluator, show_policies, &access));
  if (!show_policies) HidePolicies(&access);
  return access;
}

}  // namespace tarn::catalog
