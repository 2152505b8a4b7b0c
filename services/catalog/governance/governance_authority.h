// Who may change and read grants and policies:
//
//   administrators            everything
//   owners of table, database grants and policies on it
//   members of a grant with   grants on its resource and below, of its level at most and within its
//   a grant option            bound, without a grant option; they change and remove their own only
//
// A grant may be read by those, its author and its members; a policy by those but members. Services
// read all and change nothing: a change has a person behind it. Pure; any thread.
#pragma once

#include <absl/status/status.h>

#include "tarn/catalog/v1/grant.pb.h"

#include "common/auth/caller.h"
#include "services/catalog/governance/access_resolver.h"

namespace tarn::catalog {

// Whether the caller is an administrator or owns the object; `object` may be null where what the
// policy is on is gone.
bool Administers(const auth::Caller& caller, const GovernedObject* object);

// PERMISSION_DENIED GOVERNANCE_NOT_ALLOWED unless the caller may make a policy on the object, and
// change and remove those that are there.
absl::Status CheckMayGovern(const auth::Caller& caller, const GovernedObject* object);
// The same of a grant, as it is going to be.
absl::Status CheckMayGrant(const auth::Caller& caller, const GovernedObject* object,
                           const v1::Grant& grant);
// The same of one that is there.
absl::Status CheckMayChangeGrant(const auth::Caller& caller, const GovernedObject* object,
                                 const v1::Grant& grant);

// Whether the caller may read it.
bool MayRead(const auth::Caller& caller, const GovernedObject* object, const v1::Grant& grant);
// Of a row filter or column mask with this owner.
bool MayRead(const auth::Caller& caller, const GovernedObject* object, const std::string& owner);

}  // namespace tarn::catalog
