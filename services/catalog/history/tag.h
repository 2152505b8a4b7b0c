// A name for a snapshot of a table, which is kept while the tag is there. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/time/time.h>

namespace tarn::catalog {

struct Tag {
  std::string name;
  int64_t snapshot_id = 0;
  int64_t sequence_number = 0;  // of the snapshot
  std::string comment;
  std::optional<absl::Time> expire_time;  // by PostgreSQL's clock; a tag that has ended is no tag
  absl::Time create_time;
  std::string created_by;
};

}  // namespace tarn::catalog
