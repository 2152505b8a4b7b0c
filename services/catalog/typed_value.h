// Values of columns as text, compared by their type: what pruning needs of a bound, a literal and a
// partition value. Text that is not understood has no value, and nothing is concluded from it.
// Pure; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "services/catalog/column_type.h"
#include "services/catalog/partition_spec.h"

namespace tarn::catalog {

// A number of any size, exact: sign, digits before the point without leading zeros, digits after it
// without trailing ones.
struct DecimalText {
  bool negative = false;
  std::string whole;
  std::string fraction;

  friend bool operator==(const DecimalText&, const DecimalText&) = default;
  friend std::strong_ordering operator<=>(const DecimalText& a, const DecimalText& b);
};

// Micros since 1970 for dates and timestamps, since midnight for times; 0 and 1 for booleans.
using TypedValue = std::variant<int64_t, double, DecimalText, std::string>;

// The value of `text`, in the engine's form, for a column of `type`; nothing when it is not
// understood, is NaN or infinite, has no order that is the engine's (binary, nested), or depends on
// a time zone that the text does not name.
std::optional<TypedValue> ParseTypedValue(const ColumnType& type, std::string_view text);

// Nothing for values of different kinds.
std::optional<std::strong_ordering> CompareTypedValues(const TypedValue& a, const TypedValue& b);

// The transform of a column's value, comparable with ParsePartitionValue of the same transform and
// type. Monotone: a <= b gives T(a) <= T(b). Nothing for bucket, and where it is not known.
std::optional<TypedValue> ApplyTransform(const Transform& transform, const ColumnType& type,
                                         const TypedValue& value);
// A partition value's text ("2019-12" for month).
std::optional<TypedValue> ParsePartitionValue(const Transform& transform, const ColumnType& type,
                                              std::string_view text);

}  // namespace tarn::catalog
