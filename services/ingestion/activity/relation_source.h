// Where the rows come from that look-ups and enrichment join to: tables of the catalog, read by
// query, and the device registry. Thread safe; blocking.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/table_schema/engine_types.h"
#include "services/ingestion/device/device_registry.h"

namespace tarn::ingestion {

inline constexpr int64_t kMaxRelationRows = 100'000;
inline constexpr int64_t kMaxRelationBytes = 64LL << 20;

struct RelationRows {
  table_schema::Fields fields;
  // One JSON array a row, in the order of the fields, each ended by a newline: numbers, booleans,
  // text (for times and decimals too) and null.
  std::vector<std::string> batches;
  int64_t row_count = 0;
};

class RelationSource {
 public:
  virtual ~RelationSource() = default;

  // The fields of these columns of `databases/{d}/tables/{t}`, as `owner` may see them. NOT_FOUND,
  // INVALID_ARGUMENT, PERMISSION_DENIED where that is what is wrong; UNAVAILABLE.
  virtual absl::StatusOr<table_schema::Fields> DescribeTable(
      const std::string& workspace, const std::string& owner, const std::string& table,
      const std::vector<std::string>& columns) = 0;
  // Their rows. RESOURCE_EXHAUSTED LOOKUP_TOO_LARGE beyond the limits.
  virtual absl::StatusOr<RelationRows> ReadTable(const std::string& workspace,
                                                 const std::string& owner, const std::string& table,
                                                 const std::vector<std::string>& columns) = 0;
  virtual absl::StatusOr<DeviceSnapshotPtr> Devices(const std::string& workspace) = 0;
};

}  // namespace tarn::ingestion
