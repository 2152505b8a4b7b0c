// A database: a namespace for tables. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <absl/time/time.h>

namespace tarn::catalog {

struct Database {
  std::string id;
  std::string comment;
  std::map<std::string, std::string> properties;
  std::string owner;
  absl::Time create_time;
  absl::Time update_time;
  int64_t revision = 0;  // one more with each change; its etag
};

}  // namespace tarn::catalog
