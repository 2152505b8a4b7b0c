// The engine's types as plain data, so that no other code needs the engine's header. A type is a
// small tree that is copied freely. Pure values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::duckdb {

enum class TypeKind {
  kInvalid,  // what this wrapper does not know; its values can only be cast to text in SQL
  kNull,     // the type of a bare NULL
  kBoolean,
  kTinyInt,
  kSmallInt,
  kInteger,
  kBigInt,
  kHugeInt,
  kUTinyInt,
  kUSmallInt,
  kUInteger,
  kUBigInt,
  kUHugeInt,
  kFloat,
  kDouble,
  kDecimal,
  kVarchar,
  kBlob,
  kBit,
  kBigNum,
  kUuid,
  kDate,
  kTime,         // microseconds
  kTimeNs,       // nanoseconds
  kTimeTz,       // microseconds and an offset
  kTimestampS,   // seconds
  kTimestampMs,  // milliseconds
  kTimestamp,    // microseconds, no zone
  kTimestampNs,  // nanoseconds
  kTimestampTz,  // microseconds in UTC
  kInterval,
  kEnum,
  kList,
  kArray,
  kStruct,
  kMap,
  kUnion,
};

// "BIGINT", "TIMESTAMP WITH TIME ZONE", … ; "STRUCT" and the like for nested kinds.
std::string_view TypeKindName(TypeKind kind);

struct LogicalType {
  TypeKind kind = TypeKind::kInvalid;
  // A name that the engine gives to a type over another: "JSON" over VARCHAR. Empty otherwise.
  std::string alias;
  // kDecimal: digits in all (1 to 38) and after the point.
  uint8_t precision = 0;
  uint8_t scale = 0;
  // kDecimal and kEnum: bytes of the integer that holds a value in a vector.
  uint8_t storage_bytes = 0;
  // kArray: elements of each value.
  uint64_t array_size = 0;
  // kEnum: labels, by their number.
  std::vector<std::string> labels;
  // kList, kArray: one (the element). kMap: two (key, value). kStruct, kUnion: the fields.
  std::vector<LogicalType> children;
  // kStruct, kUnion: the fields' names, one for each child (empty for an unnamed struct field).
  std::vector<std::string> child_names;

  bool IsInteger() const;  // whole numbers of any width and sign
  bool IsNumeric() const;  // integers, floating point, decimal
  bool IsNested() const;   // list, array, struct, map, union

  // The type as SQL writes it: "DECIMAL(18,2)", "STRUCT(\"a b\" INTEGER, c VARCHAR[])".
  std::string ToSqlString() const;

  // Same type; the order of struct fields and enum labels counts, the alias does too.
  friend bool operator==(const LogicalType&, const LogicalType&) = default;
};

// The columns of a result, in order. Names may repeat and may be empty.
struct Column {
  std::string name;
  LogicalType type;
  friend bool operator==(const Column&, const Column&) = default;
};
using Schema = std::vector<Column>;

}  // namespace tarn::duckdb
