#include "services/catalog/governance/governance_authority.h"

#include <algorithm>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/governance/member.h"

namespace tarn::catalog {
namespace {

absl::Status NotAllowed(const auth::Caller& caller, std::string_view what) {
  return PermissionDenied("GOVERNANCE_NOT_ALLOWED",
                          absl::StrCat(caller.user, " may not ", std::string(what)),
                          {{"user", caller.user}});
}

// Whether who has the option of `held` may make `wanted`, which is on the same object or below it.
bool Allows(const v1::Grant& held, const v1::Grant& wanted) {
  if (!held.has_grant_option() || wanted.has_grant_option()) return false;
  if (wanted.level() > held.level()) return false;
  if (!held.columns().empty()) {
    std::set<std::string> columns;
    for (const std::string& column : held.columns()) columns.insert(absl::AsciiStrToLower(column));
    const bool within = std::all_of(wanted.columns().begin(), wanted.columns().end(),
                                    [&](const std::string& column) {
                                      return columns.count(absl::AsciiStrToLower(column)) > 0;
                                    });
    if (wanted.columns().empty() || !within) return false;
  }
  if (!held.grant_option().has_attribute()) return true;
  const v1::AttributeValue& bound = held.grant_option().attribute();
  return wanted.has_required_attribute() && wanted.required_attribute().name() == bound.name() &&
         wanted.required_attribute().value() == bound.value();
}

}  // namespace

bool Administers(const auth::Caller& caller, const GovernedObject* object) {
  if (caller.IsService()) return false;
  return caller.IsAdmin() || (object != nullptr && object->IsOwnedBy(caller.user));
}

absl::Status CheckMayGovern(const auth::Caller& caller, const GovernedObject* object) {
  if (Administers(caller, object)) return absl::OkStatus();
  return NotAllowed(caller,
                    "change policies here; administrators may, and the owners of the table and of "
                    "its database");
}

absl::Status CheckMayGrant(const auth::Caller& caller, const GovernedObject* object,
                           const v1::Grant& grant) {
  if (Administers(caller, object)) return absl::OkStatus();
  if (object != nullptr && !caller.IsService()) {
    for (const v1::Grant& held : object->grants) {
      if (GrantApplies(held, caller) && Allows(held, grant)) return absl::OkStatus();
    }
  }
  return NotAllowed(
      caller, absl::StrCat("grant this on ", grant.resource(),
                           "; administrators and owners may, and members of a grant with a grant "
                           "option within its resource, level, columns and bound"));
}

absl::Status CheckMayChangeGrant(const auth::Caller& caller, const GovernedObject* object,
                                 const v1::Grant& grant) {
  if (Administers(caller, object)) return absl::OkStatus();
  if (grant.owner() != caller.user) {
    return NotAllowed(caller, absl::StrCat("change ", grant.name(), ", which ", grant.owner(),
                                           " made; administrators and owners may"));
  }
  return CheckMayGrant(caller, object, grant);
}

bool MayRead(const auth::Caller& caller, const GovernedObject* object, const v1::Grant& grant) {
  return MayRead(caller, object, grant.owner()) || GrantApplies(grant, caller);
}

bool MayRead(const auth::Caller& caller, const GovernedObject* object, const std::string& owner) {
  return caller.IsService() || Administers(caller, object) || owner == caller.user;
}

}  // namespace tarn::catalog
