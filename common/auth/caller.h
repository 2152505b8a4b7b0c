// Who makes a call: what a verified token says. A plain value; copies freely.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::auth {

// The roles of a caller. Services act between modules; they are no administrators.
inline constexpr std::string_view kAdminRole = "admin";
inline constexpr std::string_view kEditorRole = "editor";
inline constexpr std::string_view kViewerRole = "viewer";
inline constexpr std::string_view kServiceRole = "service";

struct Caller {
  std::string workspace;
  // The user's id within the workspace; for a service, the name of its key.
  std::string user;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
  // Facts about the user that row filters and masks may refer to ("region" -> "emea").
  std::map<std::string, std::string> attributes;

  bool HasRole(std::string_view role) const;
  bool IsAdmin() const { return HasRole(kAdminRole); }
  bool IsService() const { return HasRole(kServiceRole); }

  friend bool operator==(const Caller&, const Caller&) = default;
};

}  // namespace tarn::auth
