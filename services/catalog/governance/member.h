// The members of grants and policies: `user:ada`, `group:sales`, `role:viewer`, `everyone`. Roles
// include each other as they do for calls: an administrator is an editor, an editor a viewer. A
// service is no member of anything. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "common/auth/caller.h"
#include "common/status/error.h"

namespace tarn::catalog {

using Members = ::google::protobuf::RepeatedPtrField<std::string>;

// Adds what is wrong with `members` (forms, number, one twice) to `violations`, with its place
// below `field` ("grant.members").
void ValidateMembers(std::string_view field, const Members& members,
                     std::vector<FieldViolation>& violations);

// The first of `members` that `principal` is, or nothing.
std::optional<std::string> MatchingMember(const Members& members, const auth::Caller& principal);

// As calls are admitted: whether the principal may do what a viewer, an editor may.
bool IsViewer(const auth::Caller& principal);
bool IsEditor(const auth::Caller& principal);

}  // namespace tarn::catalog
