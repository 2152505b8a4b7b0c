#include "services/dashboard/identity/key_validation.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/auth/caller.h"
#include "common/status/error.h"
#include "services/dashboard/identity/key.h"

namespace tarn::dashboard {
namespace {

// All of a token must fit into one header of 8 KiB or so.
constexpr size_t kMaxGroups = 64;
constexpr size_t kMaxAttributes = 32;
constexpr size_t kMaxAttributeValue = 256;
constexpr size_t kMaxDisplayName = 200;

// Users, groups and names of attributes: also e-mail addresses.
bool IsIdentifier(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@' || c == '+';
  });
}

constexpr char kIdentifierRule[] = "must be 1 to 128 letters, digits or . _ - @ +";

}  // namespace

absl::Status ValidateNewKey(const Key& key, absl::Time now) {
  std::vector<FieldViolation> violations;
  if (key.display_name.empty() || key.display_name.size() > kMaxDisplayName) {
    violations.push_back({"key.display_name", "is required: what the key is for, up to 200 bytes"});
  }
  if (!IsIdentifier(key.user)) violations.push_back({"key.user", kIdentifierRule});
  // A token minted for a user carries the roles of all its keys, and that user has the service's.
  if (key.user == kServiceUser) {
    violations.push_back({"key.user", "is the user of Tarn's own services; choose another name"});
  }
  if (key.roles.empty()) {
    violations.push_back({"key.roles", "is required: of admin, editor, viewer"});
  }
  for (size_t i = 0; i < key.roles.size(); ++i) {
    const std::string& role = key.roles[i];
    if (role != auth::kAdminRole && role != auth::kEditorRole && role != auth::kViewerRole) {
      violations.push_back({"key.roles[" + std::to_string(i) + "]",
                            "must be admin, editor or viewer, not '" + role + "'"});
    }
  }
  if (key.groups.size() > kMaxGroups) violations.push_back({"key.groups", "may be 64 at most"});
  for (size_t i = 0; i < key.groups.size(); ++i) {
    if (!IsIdentifier(key.groups[i])) {
      violations.push_back({"key.groups[" + std::to_string(i) + "]", kIdentifierRule});
    }
  }
  if (key.attributes.size() > kMaxAttributes) {
    violations.push_back({"key.attributes", "may be 32 at most"});
  }
  for (const auto& [name, value] : key.attributes) {
    if (!IsIdentifier(name) || value.size() > kMaxAttributeValue) {
      violations.push_back({"key.attributes[" + name + "]",
                            "must have a name of 1 to 128 letters, digits or . _ - @ +, and a "
                            "value of up to 256 bytes"});
    }
  }
  if (key.IsExpired(now)) {
    violations.push_back({"key.expire_time",
                          "must be in the future, or absent for a key that "
                          "never expires"});
  }
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

}  // namespace tarn::dashboard
