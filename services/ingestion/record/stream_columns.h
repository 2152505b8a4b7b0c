// The types of columns that records fill. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "common/table_schema/engine_types.h"

namespace tarn::ingestion {

enum class ColumnKind : uint8_t {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kString,
  kUuid,
  kStruct,
  kList,
  kMap,
  kUnsupported,  // records do not fill it
};

ColumnKind KindOf(const std::string& type);

// What a column of that kind takes, for messages: "a whole number".
std::string_view ExpectedOf(ColumnKind kind);

// Whether a stream can fill columns of these types: INVALID_ARGUMENT (INVALID_FIELD) says which it
// cannot. `path` is where the fields stand in the request.
absl::Status CheckStreamColumns(std::string_view path, const table_schema::Fields& fields);

}  // namespace tarn::ingestion
