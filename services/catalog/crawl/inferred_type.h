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

// The bytes of a value that are kept as a sample.
inline constexpr size_t kValueSampleBytes = 64;

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

// What a value looked like by itself, whatever type its column got in the end.
struct SeenKind {
  InferredKind kind = InferredKind::kNothing;
  int64_t value_count = 0;
  std::string sample;  // the first such value, at most kValueSampleBytes of it

  friend bool operator==(const SeenKind&, const SeenKind&) = default;
};

struct InferredType {
  InferredKind kind = InferredKind::kNothing;
  ColumnType exact;  // kExact
  // How many values that are not NULL were seen; not counted in Parquet.
  int64_t value_count = 0;
  // kStruct: fields in the order seen; kList: "element"; kMap: "key" and "value".
  std::vector<std::pair<std::string, InferredType>> parts;
  // The values by their own kind, in the order in which kinds were first seen; none in Parquet.
  std::vector<SeenKind> seen;
  // Where the next part is likely to be; no part of the value.
  size_t next_part = 0;

  // Takes in one more value of a scalar kind, with its text.
  void Observe(InferredKind value, std::string_view text = {});
  // Takes in one more struct, list or map: false when that has made it text.
  bool ObserveNested(InferredKind value);
  // The part of that name, made when it is missing. Fast when parts are asked for in their order.
  InferredType& Part(std::string_view name);
  // The same, null when it is missing. `place` says where it may be.
  const InferredType* FindPart(std::string_view name, size_t place) const;

  friend bool operator==(const InferredType& a, const InferredType& b) {
    return a.kind == b.kind && a.exact == b.exact && a.value_count == b.value_count &&
           a.parts == b.parts && a.seen == b.seen;
  }

 private:
  void Count(InferredKind value, std::string_view text);
};

// The evidence of both together.
InferredType Merge(InferredType a, const InferredType& b);

// How many columns a struct has, those inside its parts included.
size_t CountColumns(const InferredType& type);

// "long", "date", "struct"; of kExact the type itself is to be asked.
std::string_view KindName(InferredKind kind);

// The column that holds every value seen: text where there was none.
Field FieldOf(const std::string& name, const InferredType& type);
// The evidence that a declared field is.
InferredType InferredFrom(const Field& field);

void ToJson(const InferredType& type, nlohmann::json& json);
InferredType InferredTypeFromJson(const nlohmann::json& json);

}  // namespace tarn::catalog
