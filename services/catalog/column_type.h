// The types of columns: Apache Iceberg's, as text ("decimal(10,2)") and as values. Pure values; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn::catalog {

enum class TypeKind {
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
  kBinary,
  kStruct,
  kList,
  kMap,
};

struct ColumnType {
  TypeKind kind = TypeKind::kString;
  // kDecimal: digits in all (1 to 38) and after the point (0 to precision).
  int precision = 0;
  int scale = 0;

  bool IsNested() const {
    return kind == TypeKind::kStruct || kind == TypeKind::kList || kind == TypeKind::kMap;
  }
  friend bool operator==(const ColumnType&, const ColumnType&) = default;
};

// Reads "long" or "decimal(10,2)"; letters of either case, blanks around the numbers.
// INVALID_ARGUMENT (INVALID_TYPE) with the list of types otherwise.
absl::StatusOr<ColumnType> ParseColumnType(std::string_view text);

// The form that ParseColumnType reads back to the same type.
std::string FormatColumnType(const ColumnType& type);

// Whether files that hold `from` can be read as `to` without loss, by Iceberg's rules: int to long,
// float to double, a decimal to one of more digits and the same scale; a type to itself.
bool CanWiden(const ColumnType& from, const ColumnType& to);

}  // namespace tarn::catalog
