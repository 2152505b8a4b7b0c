// What the values seen so far say of a column's type. Evidence only widens, whatever the order in
// which files are read: nothing, then one type, then a wider one (long to double, date to
// timestamp), in the end text, which holds everything.
//
// Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "services/catalog/schema.h"

namespace tarn::catalog {

enum class InferredKind {
  kNothing,  // only NULLs and empty fields
  kBoolean,
  kLong,
  kDouble,
  kDate,
  kTimestamp,
  kTimestampTz,
  kString,
  kExact,  // a type that the file itself declares (Parquet)
  kStruct,
  kList,
  kMap,
};

struct InferredType {
  InferredKind kind = InferredKind::kNothing;
  ColumnType exact;  // kExact
  // How many values that are not NULL were seen; not counted in Parquet and for parts.
  int64_t value_count = 0;
  // kStruct: fields in the order seen; kList: "element"; kMap: "key" and "value".
  std::vector<std::pair<std::string, InferredType>> parts;

  // Takes in one more value of a scalar kind.
  void Observe(InferredKind value);
  // Takes in one more struct, list or map: false when that has made it text.
  bool ObserveNested(InferredKind value);
  // The part of that name, made when it is missing.
  InferredType& Part(std::string_view name);

  friend bool operator==(const InferredType&, const InferredType&) = default;
};

// The evidence of both together.
InferredType Merge(const InferredType& a, const InferredType& b);

// The column that holds every value seen: text where there was none.
Field FieldOf(const std::string& name, const InferredType& type);
// The evidence that a declared field is.
InferredType InferredFrom(const Field& field);

void ToJson(const InferredType& type, nlohmann::json& json);
InferredType InferredTypeFromJson(const nlohmann::json& json);

}  // namespace tarn::catalog
