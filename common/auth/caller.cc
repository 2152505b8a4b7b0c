#include "common/auth/caller.h"

#include <algorithm>

namespace tarn::auth {

bool Caller::HasRole(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

}  // namespace tarn::auth
