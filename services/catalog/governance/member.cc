#include "services/catalog/governance/member.h"

#include <algorithm>
#include <set>

namespace tarn::catalog {
namespace {

constexpr int kMaxMembers = 100;
constexpr size_t kMaxMemberName = 128;
constexpr std::string_view kEveryone = "everyone";
constexpr std::string_view kUser = "user:";
constexpr std::string_view kGroup = "group:";
constexpr std::string_view kRole = "role:";

// As dashboard takes the names of users and groups.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxMemberName &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("._-@+").find(c) != std::string_view::npos;
         });
}

bool IsRole(std::string_view role) {
  return role == auth::kAdminRole || role == auth::kEditorRole || role == auth::kViewerRole;
}

bool IsMember(std::string_view member) {
  if (member == kEveryone) return true;
  if (member.starts_with(kUser)) return IsName(member.substr(kUser.size()));
  if (member.starts_with(kGroup)) return IsName(member.substr(kGroup.size()));
  return member.starts_with(kRole) && IsRole(member.substr(kRole.size()));
}

bool HasRole(const auth::Caller& principal, std::string_view role) {
  if (role == auth::kViewerRole) return IsViewer(principal);
  if (role == auth::kEditorRole) return IsEditor(principal);
  return principal.IsAdmin();
}

bool Matches(std::string_view member, const auth::Caller& principal) {
  if (principal.IsService()) return false;
  if (member == kEveryone) return true;
  if (member.starts_with(kUser)) return member.substr(kUser.size()) == principal.user;
  if (member.starts_with(kRole)) return HasRole(principal, member.substr(kRole.size()));
  return member.starts_with(kGroup) &&
         std::find(principal.groups.begin(), principal.groups.end(),
                   member.substr(kGroup.size())) != principal.groups.end();
}

}  // namespace

void ValidateMembers(std::string_view field, const Members& members,
                     std::vector<FieldViolation>& violations) {
  if (members.empty() || members.size() > kMaxMembers) {
    violations.push_back({std::string(field), "must be 1 to 100"});
    return;
  }
  std::set<std::string> seen;
  for (int i = 0; i < members.size(); ++i) {
    const std::string path = std::string(field) + "[" + std::to_string(i) + "]";
    if (!IsMember(members[i])) {
      violations.push_back({path, "'" + members[i] +
                                      "' is none of user:NAME, group:NAME, role:viewer, "
                                      "role:editor, role:admin and everyone"});
    } else if (!seen.insert(members[i]).second) {
      violations.push_back({path, "'" + members[i] + "' is given twice"});
    }
  }
}

std::optional<std::string> MatchingMember(const Members& members, const auth::Caller& principal) {
  for (const std::string& member : members) {
    if (Matches(member, principal)) return member;
  }
  return std::nullopt;
}

bool IsViewer(const auth::Caller& principal) {
  return principal.HasRole(auth::kViewerRole) || IsEditor(principal);
}

bool IsEditor(const auth::Caller& principal) {
  return principal.HasRole(auth::kEditorRole) || principal.IsAdmin();
}

}  // namespace tarn::catalog
