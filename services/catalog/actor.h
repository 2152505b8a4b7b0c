// For whom a change is made. A plain value.
#pragma once

#include <string>

namespace tarn::catalog {

struct Actor {
  std::string workspace;
  std::string user;
  std::string request_id;  // of the call, for events and logs
};

}  // namespace tarn::catalog
